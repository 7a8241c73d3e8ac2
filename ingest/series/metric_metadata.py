"""The metadata of the metrics that senders push, kept in memory.

Senders repeat it: Prometheus every minute, and with each series in remote write 2.0.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from model.metadata import MetricMetadata

_MOST_FAMILIES: Final = 50_000
"""Families of one sender; a large Prometheus has some thousand."""
_MOST_CHARACTERS: Final = 4_096


class PushedMetadata:
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
