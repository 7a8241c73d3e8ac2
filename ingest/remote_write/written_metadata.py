"""Metric types and families as remote write describes them."""

from typing import Final

_TYPES: Final = (
    "unknown",
    "counter",
    "gauge",
    "histogram",
    "gaugehistogram",
    "summary",
    "info",
    "stateset",
)
_SUFFIXES: Final = {
    "histogram": ("_bucket", "_count", "_sum"),
    "gaugehistogram": ("_bucket", "_gcount", "_gsum"),
    "summary": ("_count", "_sum"),
}


def metric_type(number: int) -> str:
    """Return a metric type by its number in remote write."""
    return _TYPES[number] if 0 <= number < len(_TYPES) else "unknown"


def family_of(metric: str, kind: str) -> str:
    """Return the metric family of a series, as 2.0 describes series and not families."""
    for suffix in _SUFFIXES.get(kind, ()):
        if metric.endswith(suffix):
            return metric.removesuffix(suffix)
    return metric
