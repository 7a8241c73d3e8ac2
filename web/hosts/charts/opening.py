"""Which charts a host has in a range of time: known before any of their samples is read."""

from itertools import islice
from typing import Final

from promql.api import QueryEngine
from web.hosts.charts.chart_grid import RANGES, Grid
from web.hosts.charts.host_metrics import charts_of, metrics_of, sections_of
from web.hosts.charts.line_reading import covering_range
from web.hosts.documents import SectionsDocument

_FIRST_CHARTS: Final = 4
"""How many charts a page loads first: nearly every window shows two rows of two."""


async def range_grid(
    engine: QueryEngine, instance: str, interval_s: float, name: str, now_ms: int
) -> Grid:
    """Return the times of a named range: those of a shorter one if that holds all samples."""
    covering = await covering_range(engine, instance, name, now_ms)
    return Grid.back_from(now_ms, RANGES[covering], interval_s)


async def read_sections(engine: QueryEngine, instance: str, grid: Grid) -> SectionsDocument:
    """Return which charts the host has, by section."""
    metrics = await metrics_of(engine, instance, grid.start_ms, grid.end_ms)
    return {
        "metrics": len(metrics),
        "sections": [
            {
                "title": section.value,
                "charts": [{"key": chart.key, "title": chart.title} for chart in charts],
            }
            for section, charts in sections_of(charts_of(metrics)).items()
        ],
    }


def first_keys(document: SectionsDocument) -> list[str]:
    """Return the keys of the charts that a page shows first."""
    keys = (chart["key"] for section in document["sections"] for chart in section["charts"])
    return list(islice(keys, _FIRST_CHARTS))
