"""Interning: equal label sets become one object.

400 hosts of one exporter yield the same few hundred label sets; told apart only by
their own labels, which a source holds once. A shared set costs 8 bytes where an own
one costs some 400.
"""

from collections.abc import Iterable

from model.labels import Labels

# Rebuilt when it has grown to this many times what was alive the last time: churned
# label sets (containers, say) leave nothing behind for long, and sweeps stay rare.
_GROWTH_BEFORE_SWEEP = 2
_SMALLEST_SWEEP = 10_000


class Interner:
    """Keeps one object of each distinct label set and of each (name, value) pair."""

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
        # setdefault: two threads that meet here agree on one object.
        return self._labels.setdefault(known, known)

    @property
    def wants_sweep(self) -> bool:
        """Whether enough was interned since the last sweep to look for the dead."""
        return len(self._labels) >= self._sweep_at

    def sweep(self, alive: Iterable[Labels]) -> None:
        """Forget all label sets but those of `alive`."""
        labels: dict[Labels, Labels] = {}
        pairs: dict[tuple[str, str], tuple[str, str]] = {}
        for one in alive:
            labels.setdefault(one, one)
        for one in labels:
            for pair in one:
                pairs.setdefault(pair, pair)
        self._labels, self._pairs = labels, pairs
        self._sweep_at = max(_SMALLEST_SWEEP, _GROWTH_BEFORE_SWEEP * len(labels))
