"""Adds start times to the samples that a query selected.

`storage.samples.head.start_times` describes how they are stored.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from model.labels import Labels
from model.series import AlignedSeries, Times

LOOKBACK_MS = 24 * 3_600_000
"""How far before a sample to look for its start time, unless chunks may last even longer."""


def with_starts(
    parts: Sequence[AlignedSeries], known: Sequence[AlignedSeries]
) -> list[AlignedSeries]:
    """Return series with their start times.

    Args:
        parts: the selected samples.
        known: the series that the same selector matches in sources of start times, over a
            range that begins earlier.
    """
    places = {
        labels: (number, row)
        for number, part in enumerate(known)
        for row, labels in enumerate(part.labels)
    }
    return [_with_starts(part, known, places) for part in parts] if places else list(parts)


def _with_starts(
    part: AlignedSeries,
    known: Sequence[AlignedSeries],
    places: dict[Labels, tuple[int, int]],
) -> AlignedSeries:
    # Series with the same sample times and the same start time vectors are done together.
    groups: dict[tuple[int, int, int], tuple[list[int], list[int]]] = {}
    for row, (labels, own) in enumerate(zip(part.labels, part.rows.tolist(), strict=True)):
        place = places.get(labels)
        if place is not None:
            number, other = place
            key = own, number, int(known[number].rows[other])
            mine, theirs = groups.setdefault(key, ([], []))
            mine.append(row)
            theirs.append(other)
    starts: Times | None = None
    for (own, number, other), (mine, theirs) in groups.items():
        found = known[number]
        if not len(found.times_ms[other]):
            continue
        last = found.times_ms[other].searchsorted(part.times_ms[own], "right") - 1
        values = found.values[theirs][:, np.maximum(last, 0)]
        usable = (last >= 0) & (np.isfinite(values) & (values != 0))
        if usable.any():
            if starts is None:
                starts = np.zeros(part.values.shape, np.int64)
            starts[mine] = np.where(usable, values, 0).astype(np.int64)
    return part if starts is None else replace(part, starts_ms=starts)
