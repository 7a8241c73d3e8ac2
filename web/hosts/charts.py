"""A host's charts: which there are, and their numbers over a range of time.

Every line of every chart lies on one grid of times, so that the browser draws them
without further work. A browser that is up to date asks only for what came since.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import numpy as np
import structlog
from numpy.typing import NDArray

from alerting.settings import DiskSettings
from model.durations import format_duration
from model.labels import Labels, quote
from model.series import NO_TIME, AlignedSeries, is_absent, is_stale
from promql.api import PromQLError, QueryEngine, QueryOptions
from web.fleet.fleet import NO_NIC, real_disks

log = structlog.get_logger(__name__)

_NO_DRIVE: Final = "loop.*|ram.*|zram.*|sr.*|fd.*|dm-.*|md.*"
_MOST_LINES: Final = 24
"""More than this no eye tells apart; a host with more mounts shows the first by name."""

_PATIENCE: Final = QueryOptions(timeout_s=30.0)

_MINUTE_MS: Final = 60_000
_HOUR_MS: Final = 60 * _MINUTE_MS
_DAY_MS: Final = 24 * _HOUR_MS


@dataclass(frozen=True, slots=True)
class ChartRange:
    """A choice of how far back the charts reach, and the step that suits it."""

    length_ms: int
    step_ms: int


# 240 to 360 points: about one for every two pixels of a chart. The first has more, so
# that the charts of a host that was just added show a line within seconds.
RANGES: Final = {
    "1h": ChartRange(_HOUR_MS, 5_000),
    "6h": ChartRange(6 * _HOUR_MS, _MINUTE_MS),
    "24h": ChartRange(_DAY_MS, 5 * _MINUTE_MS),
    "7d": ChartRange(7 * _DAY_MS, 30 * _MINUTE_MS),
    "30d": ChartRange(30 * _DAY_MS, 2 * _HOUR_MS),
}
DEFAULT_RANGE: Final = "1h"

_STEPS_S: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200)
_WANTED_POINTS: Final = 300


class Unit(StrEnum):
    """What a chart's numbers are; the browser writes them accordingly."""

    RATIO = "ratio"
    NUMBER = "number"
    BYTES = "bytes"
    BYTES_PER_S = "bytes_per_s"
    CELSIUS = "celsius"


_DECIMALS: Final = {
    Unit.RATIO: 4,
    Unit.NUMBER: 3,
    Unit.BYTES: 0,
    Unit.BYTES_PER_S: 0,
    Unit.CELSIUS: 1,
}


@dataclass(frozen=True, slots=True)
class Lines:
    """One query of a chart and how its series are called.

    Attributes:
        query: PromQL with `HOST` for the host's matcher, `DISKS` for those of filesystems
            that count, and `WINDOW` for the rate window.
        name: with `{label}` for each label's value.
        mirrored: drawn below the axis, as what goes out.
    """

    query: str
    name: str
    mirrored: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart; `order` lists the names that come first, in this order."""

    key: str
    title: str
    unit: Unit
    lines: tuple[Lines, ...]
    stacked: bool = False
    order: tuple[str, ...] = ()


CHARTS: Final = (
    Chart(
        "cpu",
        "CPU",
        Unit.RATIO,
        (
            Lines(
                'avg by (mode) (rate(node_cpu_seconds_total{HOST,mode!="idle"}[WINDOW]))', "{mode}"
            ),
        ),
        stacked=True,
        order=("user", "system", "iowait", "steal", "nice", "softirq", "irq"),
    ),
    Chart(
        "load",
        "Load",
        Unit.NUMBER,
        (
            Lines("node_load1{HOST}", "1 min"),
            Lines("node_load5{HOST}", "5 min"),
            Lines("node_load15{HOST}", "15 min"),
        ),
    ),
    Chart(
        "memory",
        "Memory",
        Unit.BYTES,
        (
            Lines(
                "node_memory_MemTotal_bytes{HOST} - node_memory_MemFree_bytes{HOST}"
                " - node_memory_Buffers_bytes{HOST} - node_memory_Cached_bytes{HOST}"
                " - node_memory_SReclaimable_bytes{HOST}",
                "used",
            ),
            Lines(
                "node_memory_Buffers_bytes{HOST} + node_memory_Cached_bytes{HOST}"
                " + node_memory_SReclaimable_bytes{HOST}",
                "cache",
            ),
            Lines("node_memory_MemFree_bytes{HOST}", "free"),
        ),
        stacked=True,
        order=("used", "cache", "free"),
    ),
    Chart(
        "disk_space",
        "Disk usage",
        Unit.RATIO,
        (
            Lines(
                "1 - node_filesystem_avail_bytes{HOST,DISKS}"
                " / (node_filesystem_size_bytes{HOST,DISKS} > 0)",
                "{mountpoint}",
            ),
        ),
    ),
    Chart(
        "disk_io",
        "Disk I/O",
        Unit.BYTES_PER_S,
        (
            Lines(
                f'rate(node_disk_read_bytes_total{{HOST,device!~"{_NO_DRIVE}"}}[WINDOW])',
                "{device} read",
            ),
            Lines(
                f'rate(node_disk_written_bytes_total{{HOST,device!~"{_NO_DRIVE}"}}[WINDOW])',
                "{device} write",
                mirrored=True,
            ),
        ),
    ),
    Chart(
        "network",
        "Network",
        Unit.BYTES_PER_S,
        (
            Lines(
                f'rate(node_network_receive_bytes_total{{HOST,device!~"{NO_NIC}"}}[WINDOW])',
                "{device} in",
            ),
            Lines(
                f'rate(node_network_transmit_bytes_total{{HOST,device!~"{NO_NIC}"}}[WINDOW])',
                "{device} out",
                mirrored=True,
            ),
        ),
    ),
    Chart(
        "temperature",
        "Temperature",
        Unit.CELSIUS,
        (Lines("max by (chip, sensor) (node_hwmon_temp_celsius{HOST})", "{chip} {sensor}"),),
    ),
)


@dataclass(frozen=True, slots=True)
class Grid:
    """The times that all lines share: `start_ms`, `start_ms + step_ms`, … `end_ms`."""

    start_ms: int
    end_ms: int
    step_ms: int

    @classmethod
    def back_from(cls, now_ms: int, chosen: ChartRange) -> "Grid":
        """Return the grid of a range that ends now; its times are multiples of the step."""
        end_ms = now_ms // chosen.step_ms * chosen.step_ms
        return cls(end_ms - chosen.length_ms, end_ms, chosen.step_ms)

    @classmethod
    def between(cls, start_ms: int, end_ms: int) -> "Grid":
        """Return a grid of some 300 points over a part that somebody picked."""
        wanted_s = (end_ms - start_ms) / 1000 / _WANTED_POINTS
        step_s = next((step for step in _STEPS_S if step >= wanted_s), None)
        step_ms = (step_s or int(wanted_s) + 1) * 1000
        return cls(start_ms // step_ms * step_ms, end_ms // step_ms * step_ms, step_ms)

    def since(self, last_ms: int) -> "Grid | None":
        """Return what is new to somebody who has all up to `last_ms`, None if nothing is.

        The last column comes again: it was drawn before its scrape had arrived.
        """
        first_ms = max(self.start_ms, last_ms // self.step_ms * self.step_ms)
        return Grid(first_ms, self.end_ms, self.step_ms) if first_ms < self.end_ms else None

    @property
    def points(self) -> int:
        """How many times there are."""
        return (self.end_ms - self.start_ms) // self.step_ms + 1


async def read_charts(
    engine: QueryEngine, instance: str, interval_s: float, disk: DiskSettings, grid: Grid
) -> dict[str, Any]:
    """Return all charts of a host that have any line, as the browser takes them."""
    window_ms = max(round(4000 * interval_s), _MINUTE_MS, grid.step_ms)
    window = format_duration(min(window_ms, _DAY_MS))
    disks = real_disks(disk)
    queries = [
        lines.query.replace("WINDOW", window)
        .replace("DISKS", disks)
        # Last, because a host may be called anything.
        .replace("HOST", f"instance={quote(instance)}")
        for chart in CHARTS
        for lines in chart.lines
    ]
    answers = await asyncio.gather(*(_ask(engine, query, grid) for query in queries))
    asked = iter(zip(queries, answers, strict=True))
    documents = []
    for chart in CHARTS:
        found: list[_Line] = []
        drawn: list[str] = []
        for lines in chart.lines:
            query, answer = next(asked)
            if more := _lines(lines, answer, grid):
                found += more
                drawn.append(query)
        if found:
            documents.append(_document(chart, found, drawn))
    return {
        "start_ms": grid.start_ms,
        "end_ms": grid.end_ms,
        "step_ms": grid.step_ms,
        "charts": documents,
    }


async def _ask(engine: QueryEngine, query: str, grid: Grid) -> AlignedSeries | None:
    try:
        answer = await engine.range(query, grid.start_ms, grid.end_ms, grid.step_ms, _PATIENCE)
    except PromQLError as exc:
        # The other charts are still worth seeing.
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
    """Return one series' values at the grid's times, NaN where it has none."""
    result = np.full(grid.points, np.nan)
    values = series.values[index]
    times = series.times_ms[series.rows[index]]
    there = ~(is_absent(values) | is_stale(values)) & (times != NO_TIME)
    columns = (times[there] - grid.start_ms) // grid.step_ms
    inside = (columns >= 0) & (columns < grid.points)
    result[columns[inside]] = values[there][inside]
    return result


def _document(chart: Chart, lines: Sequence[_Line], queries: Sequence[str]) -> dict[str, Any]:
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
