import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import web
from model.labels import Labels
from tests.web.world import shared_resources
from web.fleet.hosts import Figures, FleetHost, HostState
from web.hosts.checks import Levels
from web.hosts.listing.columns import COLUMNS
from web.hosts.listing.fleet_table import TableState
from web.hosts.listing.rows import HostRows
from web.http.rendering import Renderer

HOST = FleetHost(
    name='<img src=x onerror="a">',
    instance="a:9100",
    id=None,
    url="http://a:9100/metrics",
    labels=Labels.of(job="node", env="<b>"),
    state=HostState.UP,
    reason="",
    last_seen_ms=1_000,
    interval_s=15.0,
    timeout_s=None,
    created_ms=None,
    figures=Figures(cpu_used_ratio=0.5),
)


class NoLevels(Levels):
    def __init__(self) -> None:
        """Judge nothing."""

    def of(self, instance: str, check: str, ratio: float | None) -> str:
        return ""


def rows_of(
    kept: HostRows, hosts: list[FleetHost], selectable: bool = False, **query: str
) -> Mapping[str, str]:
    table = TableState.read(query)
    return kept.render(table.groups(hosts), table, NoLevels(), selectable=selectable)


def test_row_is_rendered_again_only_when_its_host_changes() -> None:
    kept = HostRows(Renderer(shared_resources(), "1"))
    other = replace(HOST, instance="b:9100")
    first = rows_of(kept, [HOST, other])
    changed = replace(HOST, figures=Figures(cpu_used_ratio=0.6))
    second = rows_of(kept, [changed, replace(other)])
    assert second["host-node-b:9100"] is first["host-node-b:9100"]
    assert "60<small>" in second["host-node-a:9100"]


def test_growing_uptime_changes_a_row_only_when_it_is_seen() -> None:
    kept = HostRows(Renderer(shared_resources(), "1"))
    rows = [
        rows_of(kept, [replace(HOST, figures=Figures(uptime_s=uptime_s))])["host-node-a:9100"]
        for uptime_s in (200_000.0, 200_005.0, 400_000.0)
    ]
    assert rows[0] is rows[1]
    assert rows[1] != rows[2]


def test_names_and_labels_are_text_in_rows_and_groups() -> None:
    rows = rows_of(HostRows(Renderer(shared_resources(), "1")), [HOST], group="env", columns="tags")
    html = "".join(rows.values())
    assert list(rows) == ["group-<b>", "host-node-a:9100"]
    assert "<img" not in html
    assert "<b>" not in html


def test_reader_who_may_not_edit_has_no_boxes() -> None:
    kept = HostRows(Renderer(shared_resources(), "1"))
    assert "checkbox" in "".join(rows_of(kept, [HOST], selectable=True).values())
    assert "checkbox" not in "".join(rows_of(kept, [HOST]).values())


def test_rows_of_removed_hosts_are_dropped() -> None:
    kept = HostRows(Renderer(shared_resources(), "1"))
    gone = replace(HOST, instance="b:9100")
    before = rows_of(kept, [HOST, gone])
    kept.drop_others(["host-node-a:9100"])
    after = rows_of(kept, [HOST, gone])
    assert after["host-node-a:9100"] is before["host-node-a:9100"]
    assert after["host-node-b:9100"] is not before["host-node-b:9100"]


def test_narrow_windows_hide_the_columns_that_no_cell_spans() -> None:
    style = (Path(web.__file__).parent / "static/hosts/hosts.css").read_text()
    rules = re.findall(
        r"^  (\.fleet \.column-\w+(?:, [^{]+)?) \{ display: none; \}", style, re.MULTILINE
    )
    hidden = set(re.findall(r"\.column-(\w+)", " ".join(rules)))
    assert hidden == {column.key for column in COLUMNS if not column.narrow}
