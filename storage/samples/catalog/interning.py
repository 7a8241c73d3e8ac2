"""Interning: equal label sets become one object.

400 hosts with the same exporter yield the same few hundred label sets, because a host's
own labels are in its source. A reference to a shared set takes 8 bytes, a set of its own
about 400.
"""

from collections.abc import Iterable

from model.labels import Labels
from model.process.garbage import exclude_from_collections

# Sweep when the table has grown to this many times the label sets that survived the last
# sweep: label sets of short-lived containers are freed soon, and sweeps stay rare.
_GROWTH_BEFORE_SWEEP = 2
_SMALLEST_SWEEP = 10_000


class Interner:
    """Holds one object for each distinct label set and each (name, value) pair."""

    def __init__(self) -> None:
        self._labels: dict[Labels, Labels] = {}
        self._pairs: dict[tuple[str, str], tuple[str, str]] = {}
        self._sweep_at = _SMALLEST_SWEEP

    def __len__(self) -> int:
        return len(self._labels)

    def labels(self, labels: Labels) -> Labels:
        """Return the one object equal to `labels`."""
        known = self._labels.get(labels)
        if known is not None:
            return known
        pairs = self._pairs
        known = Labels(pairs.setdefault(pair, pair) for pair in labels)
        # A full collection beside a million sets stopped everything for 0.2 to 0.6 s.
        exclude_from_collections(known)
        # setdefault: two threads that intern the same set get the same object.
        return self._labels.setdefault(known, known)

    @property
    def wants_sweep(self) -> bool:
        """Whether the table has grown enough since the last sweep."""
        return len(self._labels) >= self._sweep_at

    def sweep(self, alive: Iterable[Labels]) -> None:
        """Remove all label sets except those of `alive`."""
        labels: dict[Labels, Labels] = {}
        pairs: dict[tuple[str, str], tuple[str, str]] = {}
        for one in alive:
            labels.setdefault(one, one)
        for one in labels:
            for pair in one:
                pairs.setdefault(pair, pair)
        self._labels, self._pairs = labels, pairs
        self._sweep_at = max(_SMALLEST_SWEEP, _GROWTH_BEFORE_SWEEP * len(labels))
