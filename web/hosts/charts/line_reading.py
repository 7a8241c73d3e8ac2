"""The lines of a host's charts over a range of time.

All lines share one grid of times, so that the browser draws them as they come. A browser
that is up to date asks only for the columns since its last.
"""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import Final

import numpy as np
import structlog
from numpy.typing import NDArray

from alerting.check_settings import HostCheckSettings
from alerting.checks.cpu_usage import CpuUsage
from model.durations import format_duration
from model.labels import METRIC_NAME, Labels, quote
from model.series import NO_TIME, AlignedSeries, is_absent, is_stale
from promql.api import InstantVector, PromQLError, QueryEngine, QueryOptions
from web.fleet.figures import cpu_window_ms, real_disks
from web.hosts.charts.chart_grid import DAY_MS, RANGES, Grid
from web.hosts.charts.chart_parts import OWN_LABELS, Chart, ChartUnit, Lines
from web.hosts.documents import ChartDocument, ChartsDocument

log = structlog.get_logger(__name__)

_MOST_LINES: Final = 24
"""More lines than this cannot be told apart; of a host with more mounts the first are shown."""

_OPTIONS: Final = QueryOptions(timeout_s=30.0)

_SHORTEST_WINDOW_MS: Final = 60_000
_NUMBER: Final = re.compile(r"([0-9]{1,18})")
_PLACE: Final = re.compile(r"\{([a-zA-Z_][a-zA-Z0-9_]*)\}")


_DECIMALS: Final = {
    ChartUnit.RATIO: 4,
    ChartUnit.NUMBER: 3,
    ChartUnit.BYTES: 0,
    ChartUnit.BYTES_PER_S: 0,
    ChartUnit.CELSIUS: 1,
    ChartUnit.PER_S: 3,
    ChartUnit.SECONDS: 7,
    ChartUnit.HERTZ: 0,
    ChartUnit.WATTS: 2,
    ChartUnit.RPM: 0,
}


@dataclass(frozen=True, slots=True, eq=False)
class ChartedHost:
    """The host whose charts are read.

    Attributes:
        instance, interval_s: see `FleetHost`.
        labels: its own labels, which no line repeats in its name.
        checks: the settings of the host checks: the CPU's window, the filesystems to leave out.
    """

    instance: str
    interval_s: float
    labels: Labels
    checks: HostCheckSettings


async def read_charts(
    engine: QueryEngine,
    host: ChartedHost,
    charts: Sequence[Chart],
    grid: Grid,
    compare_ms: int = 0,
) -> ChartsDocument:
    """Return those of the charts that have a line.

    Args:
        engine: evaluates the queries.
        host: the host.
        charts: the charts to read.
        grid: the times.
        compare_ms: each line has also its values of so much earlier; 0 for none.
    """
    checks, interval_s = host.checks, host.interval_s
    windows = _Windows(
        cpu_ms=max(cpu_window_ms(checks, interval_s), grid.step_ms),
        rate_ms=min(max(round(4000 * interval_s), _SHORTEST_WINDOW_MS, grid.step_ms), DAY_MS),
    )
    queries = _promql(charts, host, windows)
    # Evaluating as of earlier is what `offset` at each selector does.
    earlier = Grid(grid.start_ms - compare_ms, grid.end_ms - compare_ms, grid.step_ms)
    grids = (grid, earlier) if compare_ms else (grid,)
    answers = await asyncio.gather(
        *(_range(engine, query, each) for each in grids for query in queries)
    )
    now, before = answers[: len(queries)], answers[len(queries) :] or [None] * len(queries)
    answered = iter(zip(queries, now, before, strict=True))
    documents = []
    for chart in charts:
        found: list[_Line] = []
        drawn: list[str] = []
        for lines in chart.lines:
            query, answer, old = next(answered)
            if more := _lines(lines, answer, grid, host.labels):
                past = {line.name: line.values for line in _lines(lines, old, earlier, host.labels)}
                found += [replace(line, before=past.get(line.name)) for line in more]
                drawn.append(query)
        if found:
            documents.append(_document(chart, found, drawn, windows.of(chart)))
    return {
        "start_ms": grid.start_ms,
        "end_ms": grid.end_ms,
        "step_ms": grid.step_ms,
        "charts": documents,
        "annotations": [],
    }


def _promql(charts: Sequence[Chart], host: ChartedHost, windows: "_Windows") -> list[str]:
    """Return the queries of the charts' lines, in order."""
    matcher = f"instance={quote(host.instance)}"
    cpu = CpuUsage(windows.cpu_ms, ("instance",), matcher)
    disks = real_disks(host.checks.disk)
    return [
        lines.query(cpu)
        if callable(lines.query)
        else lines.query.replace("WINDOW", format_duration(windows.rate_ms))
        .replace("DISKS", disks)
        # Last, because an instance may contain "WINDOW" or "DISKS".
        .replace("HOST", matcher)
        for chart in charts
        for lines in chart.lines
    ]


@dataclass(frozen=True, slots=True)
class _Windows:
    """The times that charts average over."""

    cpu_ms: int
    rate_ms: int

    def of(self, chart: Chart) -> int | None:
        """Return the window of a chart, None if it shows samples as they are."""
        query = chart.lines[0].query
        if callable(query):
            return self.cpu_ms
        return self.rate_ms if "WINDOW" in query else None


async def covering_range(engine: QueryEngine, instance: str, chosen: str, now_ms: int) -> str:
    """Return the shortest range that holds all samples of the chosen one.

    The step of a long range is longer than a new host's history.
    """
    names = list(RANGES)
    for shorter in reversed(names[: names.index(chosen)]):
        length_ms = RANGES[chosen].length_ms - RANGES[shorter].length_ms
        query = (
            f"present_over_time(up{{instance={quote(instance)}}}[{format_duration(length_ms)}]"
            f" offset {format_duration(RANGES[shorter].length_ms)})"
        )
        try:
            answer = await engine.instant(query, now_ms, _OPTIONS)
        except PromQLError as exc:
            log.warning("chart_query_failed", query=query, error=str(exc))
            return chosen
        if isinstance(answer.value, InstantVector) and len(answer.value.labels):
            return chosen
        chosen = shorter
    return chosen


async def _range(engine: QueryEngine, query: str, grid: Grid) -> AlignedSeries | None:
    try:
        answer = await engine.range(query, grid.start_ms, grid.end_ms, grid.step_ms, _OPTIONS)
    except PromQLError as exc:
        # Show the other charts.
        log.warning("chart_query_failed", query=query, error=str(exc))
        return None
    return answer.value if isinstance(answer.value, AlignedSeries) else None


@dataclass(frozen=True, slots=True, eq=False)
class _Line:
    name: str
    mirrored: bool
    values: NDArray[np.float64]
    before: NDArray[np.float64] | None = None


def _lines(lines: Lines, series: AlignedSeries | None, grid: Grid, host: Labels) -> list[_Line]:
    if series is None:
        return []
    return [
        _Line(_name(lines.name, labels, host), lines.mirrored, _on_grid(series, index, grid))
        for index, labels in enumerate(series.labels)
    ]


def _name(pattern: str, labels: Labels, host: Labels) -> str:
    if pattern == OWN_LABELS:
        own = [value for name, value in labels if name != METRIC_NAME and not host.get(name)]
        return " ".join(own) or "value"
    # In one pass: a label's value may look like another label's place.
    return _PLACE.sub(lambda place: labels.get(place[1]), pattern).strip()


def _on_grid(series: AlignedSeries, index: int, grid: Grid) -> NDArray[np.float64]:
    """Return the values of one series at the times of the grid, NaN where there is none."""
    result = np.full(grid.points, np.nan)
    values = series.values[index]
    times = series.times_ms[series.rows[index]]
    present = ~(is_absent(values) | is_stale(values)) & (times != NO_TIME)
    columns = (times[present] - grid.start_ms) // grid.step_ms
    inside = (columns >= 0) & (columns < grid.points)
    result[columns[inside]] = values[present][inside]
    return result


def _natural(name: str) -> list[tuple[int, str]]:
    """Return a sort key by which `cpu 9` comes before `cpu 10`."""
    parts = _NUMBER.split(name)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


def _document(
    chart: Chart, lines: Sequence[_Line], queries: Sequence[str], window_ms: int | None
) -> ChartDocument:
    def rank(line: _Line) -> tuple[int, list[tuple[int, str]]]:
        known = chart.order.index(line.name) if line.name in chart.order else len(chart.order)
        return known, _natural(line.name) if chart.order or len(chart.lines) == 1 else []

    ordered = sorted(lines, key=rank)
    decimals = _DECIMALS[chart.unit]

    def rounded(values: NDArray[np.float64]) -> list[float | None]:
        numbers = np.round(values, decimals).tolist()
        return [value if isfinite(value) else None for value in numbers]

    return {
        "key": chart.key,
        "title": chart.title,
        "unit": chart.unit,
        "stacked": chart.stacked,
        "full": chart.full,
        "left_out": max(0, len(ordered) - _MOST_LINES),
        "window_ms": window_ms,
        "queries": list(queries),
        "lines": [
            {
                "name": line.name,
                "mirrored": line.mirrored,
                "values": rounded(line.values),
                "before": None if line.before is None else rounded(line.before),
            }
            for line in ordered[:_MOST_LINES]
        ],
    }
