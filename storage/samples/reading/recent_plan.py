"""Answers selectors from the recent window: finds rings and columns, and gathers samples."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import compress, takewhile

import numpy as np
from numpy.typing import NDArray

from model.label_hashes import Hashes, hashes_of, repeated
from model.labels import Labels
from model.process.garbage import exclude_from_collections
from model.series import ABSENT_BITS, NO_TIME, AlignedSeries, is_absent
from storage.api.samples import ReadBudget
from storage.samples.head.recent import Block, Ring

# If fewer rings than this share reach back far enough, the recent window is not used.
_WORTH_SHARE = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Wanted:
    """The columns of one source that a selector matches, and their label sets."""

    source_id: int
    ring: Ring | None
    columns: NDArray[np.intp]
    labels: tuple[Labels, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _BlockPart:
    """The part of a plan that is in one block.

    Attributes:
        sources: shape (G,), the numbers of the sources.
        rings: shape (G,), the rows of their rings in the block.
        columns: shape (N,), the columns in the block.
        rows: shape (N,), for each column its place in `rings`.
        labels: the N label sets.
    """

    block: Block
    sources: NDArray[np.int64]
    rings: NDArray[np.intp]
    columns: NDArray[np.intp]
    rows: NDArray[np.intp]
    labels: tuple[Labels, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """The slots of a part's samples in range; the first axis of each array is the sources.

    Attributes:
        slots: shape (G, slots - 1), oldest first.
        times_ms: the times of these slots.
        low, high: shape (G,), the first slot in range and the one after the last.
        safe_count: shape (G,), no sample was overwritten while the ring's count is less.
    """

    slots: NDArray[np.int64]
    times_ms: NDArray[np.int64]
    low: NDArray[np.intp]
    high: NDArray[np.intp]
    safe_count: NDArray[np.int64]

    def newest(self) -> "_Found":
        """Return only the last slot in range of each source."""
        return replace(self, low=np.maximum(self.low, self.high - 1))


@dataclass(frozen=True, eq=False)
class RecentPlan:
    """The ring columns that a selector matches.

    A query that has begun may use it while `Heads.disturbances` is unchanged: sources that
    are added meanwhile are not in its result. Later queries may use it while
    `Heads.generation` is unchanged.

    Attributes:
        generation, disturbances: those of `Heads` when planning began.
        parts: the columns by block.
        without_ring: matching sources that must be read from their chunks.
        inactive: sources without a matching series, as (time since when that is certain,
            source number), latest time first; earlier samples may match.
    """

    generation: int
    disturbances: int
    parts: tuple[_BlockPart, ...]
    without_ring: frozenset[int]
    inactive: tuple[tuple[int, int], ...]

    @classmethod
    def of(
        cls,
        generation: int,
        disturbances: int,
        wanted: Iterable[Wanted],
        inactive: Iterable[tuple[int, int]],
        budget: ReadBudget | None = None,
    ) -> "RecentPlan":
        """Group the wanted columns by block; sources with equal label sets get no ring."""
        by_block: dict[Block, list[tuple[Wanted, Ring]]] = {}
        without_ring = set()
        wanted = list(wanted)
        doubled = repeated(hashes_of((one.labels for one in wanted), budget))
        for one in wanted:
            if one.ring is None or (doubled and any(hash(each) in doubled for each in one.labels)):
                without_ring.add(one.source_id)
            else:
                by_block.setdefault(one.ring.block, []).append((one, one.ring))
        return cls(
            generation=generation,
            disturbances=disturbances,
            parts=tuple(_part(block, some) for block, some in by_block.items()),
            without_ring=frozenset(without_ring),
            inactive=tuple(sorted(inactive, reverse=True)),
        )

    def changed_sources(self, start_ms: int) -> set[int]:
        """Return the inactive sources that may have had a matching series after a time."""
        recent = takewhile(lambda one: one[0] >= start_ms, self.inactive)
        return {source_id for _, source_id in recent}

    @cached_property
    def labels(self) -> tuple[Labels, ...]:
        """The label sets of all parts, in order."""
        return _labels_of(self.parts)

    @cached_property
    def label_hashes(self) -> Hashes:
        """The hashes of the label sets of all parts."""
        return hashes_of(part.labels for part in self.parts)

    def late_sources(self, start_ms: int) -> set[int] | None:
        """Return the sources whose rings begin after a time; None if those are most."""
        late: list[int] = []
        total = 0
        for part in self.parts:
            total += len(part.sources)
            late.extend(part.sources[part.block.floors_ms[part.rings] >= start_ms].tolist())
        return None if len(late) > total * (1 - _WORTH_SHARE) else set(late)

    def gather(
        self, start_ms: int, end_ms: int, without: set[int], budget: ReadBudget | None
    ) -> list[AlignedSeries] | None:
        """Return the samples in range of all sources except `without`.

        Returns None if a sample was overwritten meanwhile. The caller must check afterwards
        that `Heads.disturbances` is still the plan's.
        """
        parts, labels = self._without(without)
        found = [_find(part, start_ms, end_ms) for part in parts]
        gathered = _gathered(parts, found, labels, budget)
        return None if gathered is None else [gathered]

    def gather_newest(
        self, start_ms: int, end_ms: int, without: set[int], budget: ReadBudget | None
    ) -> list[AlignedSeries] | None:
        """Return the same as `gather`, but of most series only the newest sample.

        The others are those whose source has a newer vector without a sample of theirs.
        """
        parts, labels = self._without(without)
        found = [_find(part, start_ms, end_ms).newest() for part in parts]
        newest = _gathered(parts, found, labels, budget)
        if newest is None:
            return None
        earlier = is_absent(newest.values).all(axis=1)
        if not earlier.any():
            return [newest]
        ends = np.cumsum([len(part.columns) for part in parts])
        parts = [
            _taken(part, mask)
            for part, mask in zip(parts, np.split(earlier, ends[:-1]), strict=True)
        ]
        found = [_find(part, start_ms, end_ms) for part in parts]
        others = _gathered(parts, found, _labels_of(parts), budget)
        return None if others is None else [newest.take(np.flatnonzero(~earlier)), others]

    def _without(self, sources: set[int]) -> tuple[Sequence[_BlockPart], tuple[Labels, ...]]:
        """Return the parts and label sets of all sources but some."""
        if not sources:
            return self.parts, self.labels
        parts = [_less(part, sources) for part in self.parts]
        return parts, _labels_of(parts)


def _labels_of(parts: Iterable[_BlockPart]) -> tuple[Labels, ...]:
    return _excluded([labels for part in parts for labels in part.labels])


def _excluded(labels: Iterable[Labels]) -> tuple[Labels, ...]:
    """Return label sets as a tuple; garbage collections do not walk over it."""
    found = tuple(labels)
    exclude_from_collections(found)
    return found


def _gathered(
    parts: Sequence[_BlockPart],
    found: Sequence[_Found],
    labels: tuple[Labels, ...],
    budget: ReadBudget | None,
) -> AlignedSeries | None:
    """Return the found samples; None if one was overwritten meanwhile."""
    width = max((int((one.high - one.low).max()) for one in found if len(one.low)), default=0)
    height = sum(len(part.columns) for part in parts)
    if budget is not None:
        budget.spend(height * width)
    times = np.empty((sum(len(part.sources) for part in parts), width), np.int64)
    values = np.empty((height, width))
    rows = np.empty(height, np.intp)
    group = row = 0
    for part, one in zip(parts, found, strict=True):
        next_group, next_row = group + len(part.sources), row + len(part.columns)
        _copy(part, one, times[group:next_group], values[row:next_row])
        rows[row:next_row] = part.rows + group
        group, row = next_group, next_row
        if (part.block.counts[part.rings] >= one.safe_count).any():
            return None
    return AlignedSeries(labels=labels, times_ms=times, values=values, rows=rows)


def _part(block: Block, some: Sequence[tuple[Wanted, Ring]]) -> _BlockPart:
    return _BlockPart(
        block,
        np.array([one.source_id for one, _ in some], np.int64),
        np.array([ring.row for _, ring in some], np.intp),
        np.concatenate([one.columns + ring.offset for one, ring in some]),
        np.repeat(np.arange(len(some)), [len(one.columns) for one, _ in some]),
        _excluded([labels for one, _ in some for labels in one.labels]),
    )


def _less(part: _BlockPart, without: set[int]) -> _BlockPart:
    """Return a part without the sources in `without`."""
    kept = np.array([source not in without for source in part.sources.tolist()], np.bool_)
    return part if kept.all() else _taken(part, kept[part.rows])


def _taken(part: _BlockPart, series: NDArray[np.bool_]) -> _BlockPart:
    """Return a part with some of its series, and only their sources."""
    used, rows = np.unique(part.rows[series], return_inverse=True)
    labels = _excluded(compress(part.labels, series.tolist()))
    return _BlockPart(
        part.block, part.sources[used], part.rings[used], part.columns[series], rows, labels
    )


def _find(part: _BlockPart, start_ms: int, end_ms: int) -> _Found:
    block = part.block
    counts = block.counts[part.rings]
    numbers = counts[:, np.newaxis] + np.arange(1 - block.slots, 0)
    slots = numbers % block.slots
    times = block.times_ms[part.rings[:, np.newaxis], slots]
    low = (times < start_ms).sum(axis=1)
    high = np.maximum(low, (times <= end_ms).sum(axis=1))
    # Vector n + slots overwrites vector n; writing it may begin once the count is n + slots.
    return _Found(slots, times, low, high, counts + 1 - block.slots + low + block.slots)


def _copy(
    part: _BlockPart, found: _Found, times: NDArray[np.int64], values: NDArray[np.float64]
) -> None:
    """Write the samples of a part into `times`, shape (G, width), and `values`, (N, width)."""
    width = times.shape[1]
    places = found.low[:, np.newaxis] + np.arange(width)
    padding = places >= found.high[:, np.newaxis]
    np.minimum(places, part.block.slots - 2, out=places)
    # A flat gather takes half the time of one along an axis.
    places += (np.arange(len(places)) * (part.block.slots - 1))[:, np.newaxis]
    times[:] = found.times_ms.ravel().take(places)
    held = part.block.values
    cells = (found.slots.ravel().take(places) * held.shape[1])[part.rows]
    cells += part.columns[:, np.newaxis]
    held.ravel().take(cells, out=values, mode="clip")
    if padding.any():
        times[padding] = NO_TIME
        values.view(np.uint64)[padding[part.rows]] = ABSENT_BITS
