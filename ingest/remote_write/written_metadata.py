"""The metadata of the metrics that senders write, kept in memory.

Senders repeat it: Prometheus every minute, and with each series in 2.0.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from model.metadata import MetricMetadata

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
_MOST_FAMILIES: Final = 50_000
"""Families of one sender; a large Prometheus has some thousand."""
_MOST_CHARACTERS: Final = 4_096


def metric_type(number: int) -> str:
    """Return a metric type by its number in remote write."""
    return _TYPES[number] if 0 <= number < len(_TYPES) else "unknown"


def family_of(metric: str, kind: str) -> str:
    """Return the metric family of a series, as 2.0 describes series and not families."""
    for suffix in _SUFFIXES.get(kind, ()):
        if metric.endswith(suffix):
            return metric.removesuffix(suffix)
    return metric


class WrittenMetadata:
    """The metadata of metric families, by sender."""

    def __init__(self) -> None:
        self._families: defaultdict[str, dict[str, MetricMetadata]] = defaultdict(dict)

    def update(self, sender: str, metadata: Mapping[str, MetricMetadata]) -> None:
        """Keep the metadata of a request; too long texts and too many families are dropped."""
        known = self._families[sender]
        for family, entry in metadata.items():
            size = len(family) + len(entry.help) + len(entry.unit)
            if size <= _MOST_CHARACTERS and (family in known or len(known) < _MOST_FAMILIES):
                known[family] = entry

    def by_family(self) -> dict[str, set[MetricMetadata]]:
        """Return the metadata of each family; senders may disagree."""
        found: defaultdict[str, set[MetricMetadata]] = defaultdict(set)
        for families in self._families.values():
            for family, entry in families.items():
                found[family].add(entry)
        return dict(found)
