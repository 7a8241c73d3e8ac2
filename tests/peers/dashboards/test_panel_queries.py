"""The queries of Grafana's dashboards have the same values as in Prometheus 3.5.

Both get the same samples by remote write: for each selector of each query, series that it
matches. Each panel's queries are then asked at the times and steps of a panel.
"""

import asyncio
import json
import math
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp
import cramjam
import pytest

from model.matchers import Matcher, MatchOperator
from promql.syntax.nodes import Aggregation, BinaryOperation, VectorSelector
from promql.syntax.parser import parse
from promql.syntax.traversal import walk
from tests.ingest.remote_write.messages import Sample, Series, request_1
from tests.ports import free_port
from tests.programs import program, skip_before_version
from tests.system.processes import Server, redshank_server, running
from web.dashboards.definition import Dashboard, DashboardVariable, VariableKind
from web.dashboards.grafana.reading import dashboard_of_grafana
from web.dashboards.interpolation import (
    VariableValues,
    built_in_values,
    interpolated,
    rate_interval_s,
)

pytestmark = [pytest.mark.peer, pytest.mark.slow]

FIELD: Final = Path(__file__).parents[4] / "shared" / "field" / "dashboards"
FILES: Final = sorted(FIELD.glob("*.json"))
STEP_S: Final = 15
SAMPLES: Final = 81
PANEL_STEP_S: Final = 30
# Values that regular expressions of the dashboards want.
LIKELY: Final = ("200", "sda", "redis-0", "redis-server-data-pod-a")
BOUNDS: Final = ("0.1", "0.5", "1", "5", "+Inf")
SUFFIXES: Final = ("_total", "_count", "_sum", "_bucket", "_seconds", "_errors", "_packets")
# Some queries hold a place for a second value of a label only.
VALUES_OF_A_LABEL: Final = 2


def generic(label: str) -> tuple[str, ...]:
    return tuple(f"{label}-{letter}" for letter in "ab"[:VALUES_OF_A_LABEL])


def label_of(variable: DashboardVariable) -> str:
    """Return the label whose values a variable has, its own name for other variables."""
    inner = variable.query.strip().removeprefix("label_values(").removesuffix(")")
    last = inner.rpartition(",")[2].strip()
    return last if last.isidentifier() else variable.name


def values_of(variable: DashboardVariable) -> VariableValues:
    if variable.kind is VariableKind.INTERVAL:
        return VariableValues(("1m",))
    if variable.kind is not VariableKind.QUERY:
        return VariableValues((variable.query or "x",))
    values = generic(label_of(variable))
    is_list = variable.multi or variable.include_all
    return VariableValues(values if is_list else values[:1], is_list, variable.all_value)


@dataclass
class Data:
    """The series that selectors match, and the queries that were asked for."""

    end_s: int
    series: dict[tuple[tuple[str, str], ...], Series] = field(default_factory=dict)

    def add(self, selector: VectorSelector, names: Iterable[str]) -> None:
        """Add series of a selector, with values for further labels."""
        metric = selector.name or _equal(selector.matchers, "__name__")
        if not metric:
            return
        for variant in range(VALUES_OF_A_LABEL):
            labels = {name: generic(name)[variant] for name in names}
            labels |= {"job": generic("job")[0], "instance": generic("instance")[variant]}
            labels |= dict(_matched(selector.matchers, variant))
            bounds = BOUNDS if metric.endswith("_bucket") else ("",)
            for number, bound in enumerate(bounds):
                pairs = labels | {"__name__": metric} | ({"le": bound} if bound else {})
                pairs = {name: value for name, value in pairs.items() if value}
                key = tuple(sorted(pairs.items()))
                if key not in self.series:
                    self.series[key] = Series(key, tuple(self._samples(key, number + 1)))

    def _samples(self, key: tuple[tuple[str, str], ...], share: int) -> Iterator[Sample]:
        name = dict(key)["__name__"]
        seed = sum(map(ord, json.dumps(key))) % 97 + 3
        for index in range(SAMPLES):
            time_ms = (self.end_s - (SAMPLES - 1 - index) * STEP_S) * 1000
            if name.endswith(SUFFIXES):
                value = float(share * seed * index // 2)
            else:
                value = seed + share + round(math.sin(index / 9 + seed), 6)
            yield Sample(time_ms, value)


def _equal(matchers: Iterable[Matcher], name: str) -> str:
    found = [m.value for m in matchers if m.name == name and m.operator is MatchOperator.EQUAL]
    return found[0] if found else ""


def _matched(matchers: Iterable[Matcher], variant: int) -> Iterator[tuple[str, str]]:
    """Yield a value for each label that the matchers name, if one of ours fits."""
    by_name: dict[str, list[Matcher]] = {}
    for matcher in matchers:
        by_name.setdefault(matcher.name, []).append(matcher)
    for name, together in by_name.items():
        if name == "__name__":
            continue
        parts = [part for m in together for part in m.value.strip("()").split("|")]
        exact = [m.value for m in together]
        wanted = [
            *generic(name)[variant:],
            *generic(name),
            *exact,
            *parts[variant:],
            *parts,
            *LIKELY,
        ]
        for value in wanted:
            if all(m.matches(value) for m in together):
                yield name, value
                break


@dataclass(frozen=True)
class Asked:
    """A query of a panel, with values in place of its variables."""

    file: str
    panel: str
    expression: str
    instant: bool


def asked_of(file: str, dashboard: Dashboard, end_s: int) -> Iterator[Asked]:
    scope: dict[str, VariableValues] = {each.name: values_of(each) for each in dashboard.variables}
    start_ms = (end_s - (SAMPLES - 1) * STEP_S) * 1000
    built_in = built_in_values(
        start_ms, end_s * 1000, PANEL_STEP_S, rate_interval_s(PANEL_STEP_S, STEP_S)
    )
    for panel in dashboard.panels:
        repeated = scope
        if panel.repeat in scope:
            first = VariableValues(scope[panel.repeat].values[:1], is_list=True)
            repeated = scope | {panel.repeat: first}
        for query in panel.queries:
            expression = interpolated(query.expr, repeated | built_in)
            yield Asked(file, panel.title, expression, query.instant)


def selectors_of(expression: str) -> Iterator[tuple[VectorSelector, set[str]]]:
    """Yield the selectors of a query, each with the labels that the query groups or joins by."""
    nodes = list(walk(parse(expression)))
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, Aggregation) and not node.without:
            names.update(node.grouping)
        if isinstance(node, BinaryOperation) and node.matching and node.matching.on:
            names.update(node.matching.labels)
    for node in nodes:
        if isinstance(node, VectorSelector):
            yield node, names - {"le", "__name__"}


@asynccontextmanager
async def prometheus(directory: Path) -> AsyncIterator[str]:
    """Run Prometheus without targets, as a receiver of remote write."""
    file = directory / "prometheus.yml"
    await asyncio.to_thread(file.write_text, "{}")
    address = f"127.0.0.1:{free_port()}"
    async with running(
        program("prometheus"),
        f"--config.file={file}",
        f"--storage.tsdb.path={directory / 'data'}",
        f"--web.listen-address={address}",
        "--web.enable-remote-write-receiver",
    ) as process:
        await process.line("ready to receive web requests")
        yield f"http://{address}"


async def write(session: aiohttp.ClientSession, url: str, many: list[Series]) -> None:
    body = bytes(cramjam.snappy.compress_raw(request_1(many)))
    headers = {
        "Content-Encoding": "snappy",
        "Content-Type": "application/x-protobuf",
        "X-Prometheus-Remote-Write-Version": "0.1.0",
    }
    async with session.post(f"{url}/api/v1/write", data=body, headers=headers) as answer:
        assert answer.status in (200, 204), await answer.text()


async def ask(session: aiohttp.ClientSession, url: str, asked: Asked, end_s: int) -> Any:
    """Return the answer without what depends on the server's speed."""
    form: dict[str, Any] = {"query": asked.expression, "time": end_s}
    path = "query"
    if not asked.instant:
        path = "query_range"
        start_s = end_s - (SAMPLES - 1) * STEP_S
        form = {"query": asked.expression, "start": start_s, "end": end_s, "step": PANEL_STEP_S}
    async with session.post(f"{url}/api/v1/{path}", data=form) as answer:
        document = await answer.json()
    if document["status"] != "success":
        return document.get("errorType"), []
    return "success", settled(document["data"])


def settled(data: Any) -> Any:
    if data["resultType"] in ("scalar", "string"):
        return data["result"]
    return sorted(data["result"], key=lambda each: json.dumps(each["metric"], sort_keys=True))


def is_near(ours: Any, theirs: Any) -> bool:
    """Return whether two JSON values agree; numbers may differ in their last digits."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return ours.keys() == theirs.keys() and all(is_near(ours[k], theirs[k]) for k in ours)
    if isinstance(ours, list | tuple) and isinstance(theirs, list | tuple):
        return len(ours) == len(theirs) and all(map(is_near, ours, theirs))
    try:
        a, b = float(ours), float(theirs)
    except (TypeError, ValueError):
        return bool(ours == theirs)
    return (math.isnan(a) and math.isnan(b)) or math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12)


@pytest.mark.skipif(not FILES, reason="the dashboards of the field are not here")
async def test_panels_have_the_values_of_prometheus(tmp_path: Path) -> None:
    skip_before_version("prometheus", (3, 5, 0))
    async with prometheus(tmp_path) as peer, redshank_server(tmp_path / "redshank") as server:
        end_s = await recent_end_s(server)
        asked: list[Asked] = []
        data = Data(end_s)
        for path in FILES:
            source = json.loads(await asyncio.to_thread(path.read_bytes))
            asked += asked_of(path.name, dashboard_of_grafana(source)[0], end_s)
        for one in asked:
            for selector, names in selectors_of(one.expression):
                data.add(selector, names)
        many = list(data.series.values())
        for first in range(0, len(many), 500):
            for url in (server.url, peer):
                await write(server.session, url, many[first : first + 500])
        filled, unlike = 0, []
        for one in asked:
            ours = await ask(server.session, server.url, one, end_s)
            theirs = await ask(server.session, peer, one, end_s)
            filled += bool(theirs[1])
            if not is_near(ours, theirs):
                unlike.append((one, ours, theirs))
        assert unlike == []
        # The test compares numbers, not absences.
        assert filled >= 0.9 * len(asked), f"{filled} of {len(asked)} queries have a result"


async def recent_end_s(server: Server) -> int:
    """Return the server's time on a multiple of the panels' step."""
    now = await server.query("time()")
    return int(float(now[1])) // PANEL_STEP_S * PANEL_STEP_S  # type: ignore[arg-type]
