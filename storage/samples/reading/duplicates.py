"""Duplicates: label sets that several sources yield become one series each."""

from collections.abc import Iterator, Sequence

import numpy as np

from model.label_hashes import hashes_of, repeated
from model.labels import Labels
from model.pieces import in_pieces
from model.series import ABSENT_BITS, STALE_BITS, AlignedSeries
from storage.api.samples import ReadBudget
from storage.samples.reading.chunk_reader import SourceSelection


def doubled_labels(
    selections: Sequence[SourceSelection], budget: ReadBudget | None = None
) -> set[Labels]:
    """Return the label sets that several sources yield."""
    doubled: set[Labels] = set()
    for some in _indistinct(selections):
        hashes = repeated(hashes_of((one.labels for one in some), budget))
        if not hashes:
            continue
        seen: set[Labels] = set()
        # A source yields each label set once, so its pieces do not meet each other.
        for piece in (piece for one in some for piece in in_pieces(one.labels, budget)):
            own = {labels for labels in piece if hash(labels) in hashes}
            doubled |= seen & own
            seen |= own
    return doubled


def _indistinct(selections: Sequence[SourceSelection]) -> Iterator[Sequence[SourceSelection]]:
    """Yield groups of sources whose own labels do not distinguish them.

    Sources differ for certain in a label that all of them have and no series overrides,
    such as a host's `instance`. A million label sets then need no comparison.
    """
    if len(selections) < 2:
        return
    names = set.intersection(*({name for name, _ in one.source.labels} for one in selections))
    for layout in {placed.match.layout for one in selections for placed in one.matches.values()}:
        names -= layout.label_names
    groups: dict[Labels, list[SourceSelection]] = {}
    for one in selections:
        groups.setdefault(one.source.labels.keep(names), []).append(one)
    yield from (group for group in groups.values() if len(group) > 1)


def merge_doubled(parts: Sequence[AlignedSeries], doubled: set[Labels]) -> list[AlignedSeries]:
    """Merge the series of each label set in `doubled`; all other series stay as they are.

    If two samples have the same time, the one of the earlier part wins, but a value wins over
    a staleness marker.
    """
    result = []
    owners: dict[Labels, list[tuple[AlignedSeries, int]]] = {}
    for part in parts:
        kept = []
        for place, labels in enumerate(part.labels):
            if labels in doubled:
                owners.setdefault(labels, []).append((part, place))
            else:
                kept.append(place)
        if kept:
            result.append(part.take(np.array(kept, np.intp)))
    result.extend(_merged(labels, places) for labels, places in owners.items())
    return result


def _merged(labels: Labels, owners: list[tuple[AlignedSeries, int]]) -> AlignedSeries:
    samples: dict[int, int] = {}
    for part, place in owners:
        bits = part.values[place].view(np.uint64)
        there = np.flatnonzero(bits != ABSENT_BITS)
        times = part.times_ms[part.rows[place], there]
        for time, value in zip(times.tolist(), bits[there].tolist(), strict=True):
            if samples.get(time, STALE_BITS) == STALE_BITS:
                samples[time] = value
    ordered = sorted(samples)
    values = np.array([samples[time] for time in ordered], np.uint64).view(np.float64)
    return AlignedSeries.of_source([labels], np.array(ordered, np.int64), values.reshape(1, -1))
