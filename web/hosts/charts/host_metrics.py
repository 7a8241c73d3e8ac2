"""Which charts a host has: those of its metrics, and one for each metric that it pushes."""

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from model.labels import METRIC_NAME, quote
from model.matchers import Matcher
from promql.api import QueryEngine
from web.hosts.charts.chart_definitions import BY_KEY, CHARTS
from web.hosts.charts.chart_parts import OWN_LABELS, Chart, ChartSection, ChartUnit, Lines

MOST_OTHERS: Final = 60
"""Pushed metrics with a chart; the Explore page has the others."""

_OTHER: Final = "metric:"
"""The key of a metric's own chart begins with this."""

_OF_EXPORTERS: Final = (
    *("node_", "container_", "scrape_", "go_", "process_", "python_", "promhttp_"),
    *("redshank_", "up", "http_sd_", "host_", "ALERTS"),
)
"""Metrics of exporters that have no chart here are details, which the Explore page shows."""

_UNITS: Final = {
    "_bytes": ChartUnit.BYTES,
    "_seconds": ChartUnit.SECONDS,
    "_celsius": ChartUnit.CELSIUS,
    "_ratio": ChartUnit.RATIO,
    "_hertz": ChartUnit.HERTZ,
    "_watts": ChartUnit.WATTS,
}
_COUNTERS: Final = ("_total", "_count", "_sum")
_UNDRAWN: Final = ("_bucket", "_info", "_created")


async def metrics_of(
    engine: QueryEngine, instance: str, start_ms: int, end_ms: int
) -> frozenset[str]:
    """Return the names of a host's metrics in a range of time."""
    selector = [Matcher.of("instance", "=", instance)]
    return frozenset(await engine.label_values(METRIC_NAME, [selector], start_ms, end_ms))


def charts_of(metrics: Collection[str]) -> list[Chart]:
    """Return the charts of a host with these metrics, in the order of the page."""
    found = [chart for chart in CHARTS if chart.fits(metrics)]
    others = sorted(name for name in metrics if _has_own_chart(name))
    return found + [_own_chart(name) for name in others[:MOST_OTHERS]]


def chosen_charts(keys: Iterable[str]) -> list[Chart]:
    """Return the charts with these keys; unknown ones are left out."""
    found = []
    for key in keys:
        if key in BY_KEY:
            found.append(BY_KEY[key])
        elif key.startswith(_OTHER) and len(key) > len(_OTHER):
            found.append(_own_chart(key.removeprefix(_OTHER)))
    return found


def sections_of(charts: Sequence[Chart]) -> dict[ChartSection, list[Chart]]:
    """Return the charts by section, in the order of the page."""
    found: dict[ChartSection, list[Chart]] = {}
    for section in ChartSection:
        if own := [chart for chart in charts if chart.section is section]:
            found[section] = own
    return found


def _has_own_chart(metric: str) -> bool:
    return not metric.startswith(_OF_EXPORTERS) and not metric.endswith(_UNDRAWN)


def _own_chart(metric: str) -> Chart:
    selector = f"{{__name__={quote(metric)},HOST}}"
    unit = next((_UNITS[ending] for ending in _UNITS if metric.endswith(ending)), ChartUnit.NUMBER)
    if metric.endswith(_COUNTERS):
        bytes_each = "_bytes" in metric
        unit = ChartUnit.BYTES_PER_S if bytes_each else ChartUnit.PER_S
        selector = f"rate({selector}[WINDOW])"
    lines = Lines(selector, OWN_LABELS)
    return Chart(f"{_OTHER}{metric}", ChartSection.PUSHED, metric, unit, (lines,))
