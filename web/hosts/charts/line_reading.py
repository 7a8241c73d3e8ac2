"""The lines of a host's charts over a range of time.

All lines share one grid of times, so that the browser draws them as they come. A browser
that is up to date asks only for the columns since its last.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import structlog
from numpy.typing import NDArray

from alerting.check_settings import HostCheckSettings
from alerting.checks.cpu_usage import CpuUsage
from model.durations import format_duration
from model.labels import Labels, quote
from model.series import NO_TIME, AlignedSeries, is_absent, is_stale
from promql.api import InstantVector, PromQLError, QueryEngine, QueryOptions
from web.fleet.figures import cpu_window_ms, real_disks
from web.hosts.charts.chart_definitions import CHARTS, Chart, ChartUnit, Lines
from web.hosts.charts.chart_grid import DAY_MS, RANGES, Grid
from web.hosts.documents import ChartDocument, ChartsDocument

log = structlog.get_logger(__name__)

_MOST_LINES: Final = 24
"""More lines than this cannot be told apart; of a host with more mounts the first are shown."""

_OPTIONS: Final = QueryOptions(timeout_s=30.0)

_SHORTEST_WINDOW_MS: Final = 60_000


_DECIMALS: Final = {
    ChartUnit.RATIO: 4,
    ChartUnit.NUMBER: 3,
    ChartUnit.BYTES: 0,
    ChartUnit.BYTES_PER_S: 0,
    ChartUnit.CELSIUS: 1,
}


async def read_charts(
    engine: QueryEngine, instance: str, interval_s: float, checks: HostCheckSettings, grid: Grid
) -> ChartsDocument:
    """Return all charts of a host that have a line."""
    windows = _Windows(
        cpu_ms=max(cpu_window_ms(checks, interval_s), grid.step_ms),
        rate_ms=min(max(round(4000 * interval_s), _SHORTEST_WINDOW_MS, grid.step_ms), DAY_MS),
    )
    host = f"instance={quote(instance)}"
    cpu = CpuUsage(windows.cpu_ms, ("instance",), host)
    disks = real_disks(checks.disk)
    queries = [
        lines.query(cpu)
        if callable(lines.query)
        else lines.query.replace("WINDOW", format_duration(windows.rate_ms))
        .replace("DISKS", disks)
        # Last, because an instance may contain "WINDOW" or "DISKS".
        .replace("HOST", host)
        for chart in CHARTS
        for lines in chart.lines
    ]
    answers = await asyncio.gather(*(_range(engine, query, grid) for query in queries))
    answered = iter(zip(queries, answers, strict=True))
    documents = []
    for chart in CHARTS:
        found: list[_Line] = []
        drawn: list[str] = []
        for lines in chart.lines:
            query, answer = next(answered)
            if more := _lines(lines, answer, grid):
                found += more
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


def _lines(lines: Lines, series: AlignedSeries | None, grid: Grid) -> list[_Line]:
    if series is None:
        return []
    return [
        _Line(_name(lines.name, labels), lines.mirrored, _on_grid(series, index, grid))
        for index, labels in enumerate(series.labels)
    ]


def _name(pattern: str, labels: Labels) -> str:
    for name, value in labels:
        pattern = pattern.replace(f"{{{name}}}", value)
    return pattern


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


def _document(
    chart: Chart, lines: Sequence[_Line], queries: Sequence[str], window_ms: int | None
) -> ChartDocument:
    def rank(line: _Line) -> tuple[int, str]:
        known = chart.order.index(line.name) if line.name in chart.order else len(chart.order)
        return known, line.name if chart.order or len(chart.lines) == 1 else ""

    ordered = sorted(lines, key=rank)
    decimals = _DECIMALS[chart.unit]
    return {
        "key": chart.key,
        "title": chart.title,
        "unit": chart.unit,
        "stacked": chart.stacked,
        "window_ms": window_ms,
        "queries": list(queries),
        "lines": [
            {
                "name": line.name,
                "mirrored": line.mirrored,
                "values": [
                    value if np.isfinite(value) else None
                    for value in np.round(line.values, decimals).tolist()
                ],
            }
            for line in ordered[:_MOST_LINES]
        ],
    }
