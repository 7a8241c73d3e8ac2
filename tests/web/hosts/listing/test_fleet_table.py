from dataclasses import replace
from urllib.parse import parse_qsl

from hypothesis import given
from hypothesis import strategies as st

from model.labels import Labels
from web.fleet.hosts import AlertCount, Figures, FleetHost, FleetView, HostState
from web.hosts.listing.columns import COLUMNS
from web.hosts.listing.fleet_table import TableState, count_hosts, group_labels


def host(
    name: str,
    cpu: float | None = None,
    state: HostState = HostState.UP,
    alerts: AlertCount | None = None,
) -> FleetHost:
    return FleetHost(
        name=name,
        instance=f"{name}:9100",
        id=None,
        url="",
        labels=Labels.of(site="home" if name < "m" else "office"),
        state=state,
        reason="",
        last_seen_ms=None,
        interval_s=None,
        timeout_s=None,
        created_ms=None,
        figures=Figures(cpu_used_ratio=cpu),
        alerts=alerts or AlertCount(),
    )


VIEW = FleetView(
    0,
    (
        host("a", 0.5),
        host("b", None, HostState.DOWN, AlertCount(critical=1)),
        host("n", 0.9, alerts=AlertCount(warning=2)),
        host("z", 0.1, alerts=AlertCount(pending=1)),
    ),
)


def names(**query: str) -> list[str]:
    return [each.name for each in TableState.read(query).rows(VIEW)]


def test_hosts_are_in_order_of_their_names_at_first() -> None:
    assert names() == ["a", "b", "n", "z"]
    assert names(sort="name", order="desc") == ["z", "n", "b", "a"]


def test_figures_sort_highest_first_and_unknown_last() -> None:
    assert names(sort="cpu") == ["n", "a", "z", "b"]
    assert names(sort="cpu", order="asc") == ["z", "a", "n", "b"]


def test_status_sorts_what_is_wrong_first() -> None:
    assert names(sort="status") == ["b", "n", "a", "z"]


def test_search_looks_at_names_addresses_and_labels() -> None:
    assert names(q="HOME") == ["a", "b"]
    assert names(q="office 9100 z") == ["z"]
    assert names(q="nowhere") == []


def test_state_filters() -> None:
    assert names(state="down") == ["b"]
    assert names(state="alerting") == ["b", "n"]
    assert names(state="nonsense") == ["a", "b", "n", "z"]


def test_tally_counts_every_state() -> None:
    counts = count_hosts(VIEW)
    assert (counts.total, counts.up, counts.down, counts.alerting) == (4, 3, 1, 2)


def test_second_click_on_a_column_turns_its_order_round() -> None:
    cpu = next(column for column in COLUMNS if column.key == "cpu")
    assert TableState.read({}).sort_link(cpu) == "/?sort=cpu&order=desc"
    assert TableState.read({"sort": "cpu"}).sort_link(cpu) == "/?sort=cpu&order=asc"


def test_link_of_the_first_view_is_plain() -> None:
    assert TableState.read({"q": "x"}).link(q="") == "/"


@given(st.dictionaries(st.sampled_from(["q", "sort", "order", "state"]), st.text()))
def test_any_address_gives_some_rows_and_its_own_link_gives_the_same(query: dict[str, str]) -> None:
    state = TableState.read(query)
    assert len(state.rows(VIEW)) <= 4
    link = state.link()
    assert link.startswith("/")
    assert "\n" not in link


@given(st.sampled_from([column.key for column in COLUMNS]), st.sampled_from(["asc", "desc"]))
def test_every_column_sorts_every_host(sort: str, order: str) -> None:
    assert sorted(names(sort=sort, order=order)) == ["a", "b", "n", "z"]


def test_groups_follow_their_label_and_keep_the_order_within() -> None:
    state = TableState.read({"group": "site", "sort": "cpu"})
    groups = list(state.groups(state.rows(VIEW)))
    assert [(group.value, [host.name for host in group.hosts]) for group in groups] == [
        ("home", ["a", "b"]),
        ("office", ["n", "z"]),
    ]
    assert [group.down for group in groups] == [1, 0]


def test_hosts_without_the_label_form_the_last_group() -> None:
    bare = replace(VIEW.hosts[0], labels=Labels.of(job="node"))
    groups = list(TableState.read({"group": "site"}).groups([bare, *VIEW.hosts[1:]]))
    assert [group.value for group in groups] == ["home", "office", ""]


def test_hosts_are_grouped_by_their_tags() -> None:
    assert group_labels(VIEW) == ["site"]


def test_chosen_columns_stay_in_the_url_and_in_their_order() -> None:
    state = TableState.read({"columns": "tags,cpu,nonsense"})
    assert [column.key for column in state.columns] == ["name", "tags", "cpu"]
    assert state.link() == "/?columns=tags%2Ccpu"
    assert TableState.read({"columns": "nonsense"}).link() == "/"


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "q": st.text(max_size=20),
            "group": st.sampled_from(["site", "job"]),
            "view": st.sampled_from(["grid", "x"]),
            "columns": st.lists(st.sampled_from([c.key for c in COLUMNS])).map(",".join),
            "sort": st.sampled_from([c.key for c in COLUMNS]),
            "order": st.sampled_from(["asc", "desc"]),
            "state": st.sampled_from(["up", "down", "x"]),
        },
    )
)
def test_a_states_own_url_reads_as_the_same_state(query: dict[str, str]) -> None:
    state = TableState.read(query)
    assert TableState.read(dict(parse_qsl(state.query()))) == state
