"""The newest vector of each source, from which instant selectors at the present are answered.

Such a selector needs one sample of each series, and the head of a source has it: decoding
the source's chunk over the lookback, which may be 300 vectors, would be for nothing.
"""

from collections.abc import Iterable, Sequence
from itertools import chain

import numpy as np

from model.series import AlignedSeries, is_absent
from storage.api.samples import ReadBudget
from storage.samples.head.heads import Heads
from storage.samples.head.source_head import NewestValues
from storage.samples.reading.chunk_reader import SourceSelection

Found = tuple[SourceSelection, NewestValues]


def newest_series(
    heads: Heads,
    selections: Iterable[SourceSelection],
    start_ms: int,
    end_ms: int,
    budget: ReadBudget | None,
) -> tuple[list[AlignedSeries], list[SourceSelection]]:
    """Return series with their newest sample only, and the sources to read from chunks.

    Those are the sources whose last vector is outside the range or lacks a selected series:
    its newest sample is in an earlier vector.

    Args:
        heads: the heads of all sources.
        selections: the selected series, of distinct label sets.
        start_ms: the first time of the range.
        end_ms: the last time of the range.
        budget: limits the read; None for no limit.
    """
    found: list[Found] = []
    others: list[SourceSelection] = []
    for selection in selections:
        newest = _newest(heads, selection)
        if newest is not None and start_ms <= newest.time_ms <= end_ms:
            found.append((selection, newest))
        else:
            others.append(selection)
    complete = _complete(found)
    if len(complete) < len(found):
        kept = {id(selection) for selection, _ in complete}
        others += [selection for selection, _ in found if id(selection) not in kept]
        others.sort(key=lambda selection: selection.source.id)
    return ([_stacked(complete, budget)] if complete else []), others


def _newest(heads: Heads, selection: SourceSelection) -> NewestValues | None:
    """Return the values of the selected series, None if the last layout lacks one of them."""
    head = heads.get(selection.source.id)
    if head is None:
        return None
    match = selection.matches.get(head.layout.id)
    if match is None or not match.is_all:
        return None
    return head.newest(match.match.layout, match.columns_by_row)


def _complete(found: Sequence[Found]) -> Sequence[Found]:
    """Return the sources of which no series is ABSENT."""
    values = [newest.values for _, newest in found]
    if not values or not is_absent(np.concatenate(values)).any():
        return found
    return [one for one, some in zip(found, values, strict=True) if not is_absent(some).any()]


def _stacked(found: Sequence[Found], budget: ReadBudget | None) -> AlignedSeries:
    heights = [len(newest.values) for _, newest in found]
    if budget is not None:
        budget.spend(sum(heights))
    return AlignedSeries(
        labels=tuple(chain.from_iterable(selection.labels for selection, _ in found)),
        times_ms=np.array([[newest.time_ms] for _, newest in found], np.int64),
        values=np.concatenate([newest.values for _, newest in found])[:, np.newaxis],
        rows=np.repeat(np.arange(len(found)), heights),
    )
