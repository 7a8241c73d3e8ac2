"""Start times: since when a counter has counted, kept beside its samples.

They hardly ever change, so they are not stored with each sample. The start times of one
source are the values (milliseconds) of a hidden source of the same layouts, which gets a
vector when they change and when a chunk of the source begins: whoever reads samples finds
their start times in the last vector of the hidden source that is not newer, a chunk's age
further back at most. Sources without start times have no hidden one and pay nothing.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from model.labels import Labels
from model.series import ABSENT_BITS, AlignedSeries, Times, Values
from storage.api.samples import ELSEWHERE, Source, StartTimes, Vector
from storage.samples.catalog.catalog import START_TIMES, Sources
from storage.samples.catalog.layouts import StoredLayout
from storage.samples.head.head import Appended
from storage.samples.head.heads import Heads

LOOKBACK_MS = 24 * 3_600_000
"""How far before a sample its start time is looked for at least, if no chunk may last longer."""


class StartStreams:
    """Gives hidden sources their vectors; used by the thread that appends."""

    def __init__(self, sources: Sources, heads: Heads) -> None:
        self._sources, self._heads = sources, heads
        # Who gave any since the store was opened: what others gave before is forgotten.
        self._giving: set[int] = set()

    def append(self, source: Source, vector: Vector, layout: StoredLayout) -> Appended | None:
        """Take the start times that came with a vector, or renew those known.

        To be called when a vector brings start times or begins a chunk, and when more is
        put into the last one, before that.

        Returns:
            What goes to the journal; None where there is nothing to keep.

        Raises:
            OutOfOrderError: nothing can be put into the last vector any more.
        """
        stream = START_TIMES + source.stream
        if vector.starts is None:
            hidden = self._sources.find(source.labels, stream)
            if hidden is None:
                return None
        else:
            hidden = self._sources.of(source.labels, stream)
            self._giving.add(source.id)
        head = self._heads.get(hidden.id)
        known = np.full(len(layout.series), ABSENT_BITS, np.uint64).view(np.float64)
        follows = head is not None and layout.extends(head.layout)
        if head is not None and follows and source.id in self._giving:
            known[: len(head.last)] = head.last
        values = known.copy()
        if vector.starts is not None:
            _give(values, vector.starts)
        elif head is not None and not (_any(values) or _any(head.last)):
            return None
        if head is None or head.last_ms != vector.time_ms:
            return self._heads.append(hidden, Vector(vector.time_ms, layout, None, values), layout)
        changed = np.flatnonzero(values.view(np.uint64) != known.view(np.uint64))
        more = Vector(vector.time_ms, layout, changed.astype(np.uint32), values[changed])
        return self._heads.amend(hidden, more, layout) if len(changed) else None

    def resumed(self, source: Source) -> Times | None:
        """Return the start times with which a source goes on after a restart.

        Returns:
            By the columns of its last vector, 0 where unknown; None if all are.
        """
        hidden = self._sources.find(source.labels, START_TIMES + source.stream)
        head = None if hidden is None else self._heads.get(hidden.id)
        samples = self._heads.get(source.id)
        if head is None or samples is None or not samples.layout.extends(head.layout):
            return None
        self._giving.add(source.id)
        known = np.flatnonzero(np.isfinite(head.last))
        times = np.zeros(len(samples.layout.series), np.int64)
        times[known] = head.last[known]
        return times


def _any(values: Values) -> bool:
    """Tell whether any start time is known."""
    return bool((np.abs(values) > 0).any())


def check_starts(starts: StartTimes, width: int) -> None:
    """Refuse start times that do not fit a layout of so many columns.

    Raises:
        ValueError: they do not.
    """
    columns, times = starts.columns, starts.times_ms
    if times.dtype != np.int64 or times.ndim != 1:
        raise ValueError("start times must be one row of int64")
    if columns is None:
        if len(times) != width:
            raise ValueError(f"{len(times)} start times for {width} columns")
    elif columns.dtype != np.uint32 or columns.shape != times.shape:
        raise ValueError(f"{len(columns)} columns (uint32) for {len(times)} start times")
    elif len(columns) and columns.max() >= width:
        raise ValueError(f"start time of column {columns.max()} in a layout of {width}")


def _give(values: Values, starts: StartTimes) -> None:
    """Write start times over those of a whole vector."""
    times = starts.times_ms
    places = np.arange(len(values)) if starts.columns is None else starts.columns
    # Most columns never have any: those stay without samples, and take no room on disk.
    kept = (times != 0) | ~np.isnan(values[places])
    values[places[kept]] = times[kept]
    values.view(np.uint64)[places[times == ELSEWHERE]] = ABSENT_BITS


def with_starts(
    parts: Sequence[AlignedSeries], known: Sequence[AlignedSeries]
) -> list[AlignedSeries]:
    """Return series with their start times.

    Args:
        parts: what was selected of the samples.
        known: what the same selector means of the hidden sources, from earlier on.
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
    # Series whose times and whose start times' times are the same are done together.
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
