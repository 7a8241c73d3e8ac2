"""Aggregates series block by block, with only the groups in memory."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from model.labels import Labels
from promql.kernels.aggregation import counts, maximum, minimum, reduced, sums
from promql.kernels.arrays import BLOCK_CELLS, Floats, Indices
from promql.kernels.compensated import add, closed
from promql.kernels.groups import Groups, group
from promql.kernels.step_matrix import StepMatrix, concatenated

BLOCK_OPERATORS: Final = frozenset({"avg", "count", "group", "max", "min", "sum"})
"""Operators that can be computed block by block."""

_WORTH_A_CALL: Final = BLOCK_CELLS // 4
"""With fewer cells the calls dominate; with more, the results fall out of the cache."""


@dataclass(frozen=True, slots=True, eq=False)
class _PartialGroups:
    """The state of some groups after the blocks so far; all of shape (G, S).

    Attributes:
        counts: how many series were present.
        values: their sum, minimum or maximum.
        errors: the rounding errors of sums.
    """

    counts: Indices
    values: Floats
    errors: Floats

    @classmethod
    def joined(cls, parts: Sequence["_PartialGroups"]) -> "_PartialGroups":
        """Concatenate the groups of all parts."""
        if len(parts) == 1:
            return parts[0]
        return cls(
            np.concatenate([each.counts for each in parts]),
            np.concatenate([each.values for each in parts]),
            np.concatenate([each.errors for each in parts]),
        )


class BlockAggregation:
    """One aggregation over blocks of series.

    Args:
        operator: one of `BLOCK_OPERATORS`.
        names: the labels to group by.
        steps: the number of steps.
    """

    def __init__(self, operator: str, names: Sequence[str], steps: int) -> None:
        self._operator = operator
        self._names = names
        self._steps = steps
        self._waiting: list[StepMatrix] = []
        self._cells = 0
        self._places = dict[Labels, int]()
        # Groups in the order of `_places`; joined once a group occurs in a second block.
        self._parts: list[_PartialGroups] = []

    @property
    def group_count(self) -> int:
        """The number of groups in memory."""
        return len(self._places)

    def add(self, block: StepMatrix) -> None:
        """Add a block of series; small blocks are collected until they are worth a call."""
        self._waiting.append(block)
        self._cells += block.values.size
        if self._cells >= _WORTH_A_CALL:
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            self._merge(concatenated(self._waiting, self._steps))
            self._waiting, self._cells = [], 0

    def result(self) -> StepMatrix | None:
        """Return the groups; None if a mean overflowed and needs all series at once."""
        if not self._parts:
            return self._at_once()
        self._flush()
        values = np.concatenate([self._final(part) for part in self._parts])
        if self._operator == "avg" and not np.isfinite(values).all():
            return None
        present = np.concatenate([part.counts > 0 for part in self._parts])
        return StepMatrix(list(self._places), values, present)

    def _final(self, part: _PartialGroups) -> Floats:
        match self._operator:
            case "sum":
                return closed((part.values, part.errors))
            case "avg":
                return closed((part.values, part.errors)) / np.maximum(part.counts, 1)
            case "count":
                return part.counts.astype(np.float64)
            case "group":
                return np.ones(part.counts.shape)
            case _:
                return part.values

    def _at_once(self) -> StepMatrix:
        whole = concatenated(self._waiting, self._steps)
        if not len(whole):
            return whole
        groups = group(whole.labels, self._names, without=False)
        return reduced(
            self._operator, StepMatrix(whole.labels, whole.values, whole.present), groups
        )

    def _merge(self, block: StepMatrix) -> None:
        groups = group(block.labels, self._names, without=False)
        found = self._aggregate(block, groups)
        places, known = self._places, len(self._places)
        rows = np.array([places.setdefault(labels, len(places)) for labels in groups.labels])
        if (rows >= known).all():
            self._parts.append(found)
            return
        new = rows >= known
        parts = [*self._parts]
        if new.any():
            parts.append(self._nothing(len(places) - known))
        whole = _PartialGroups.joined(parts)
        self._parts = [whole]
        whole.counts[rows] += found.counts
        if self._operator in ("sum", "avg"):
            so_far = whole.values[rows], whole.errors[rows]
            added = add(so_far, (found.values, found.errors))
            whole.values[rows], whole.errors[rows] = added
        elif self._operator == "min":
            whole.values[rows] = np.fmin(whole.values[rows], found.values)
        elif self._operator == "max":
            whole.values[rows] = np.fmax(whole.values[rows], found.values)

    def _aggregate(self, block: StepMatrix, groups: Groups) -> _PartialGroups:
        values, present = block.values, block.present
        if present.all():
            present_counts = np.repeat(groups.sizes[:, np.newaxis], self._steps, axis=1)
        else:
            present_counts = counts(present, groups)
        none = np.broadcast_to(0.0, present_counts.shape)
        match self._operator:
            case "sum" | "avg":
                return _PartialGroups(present_counts, *sums(values, present, groups))
            case "min":
                return _PartialGroups(present_counts, minimum(values, present, groups), none)
            case "max":
                return _PartialGroups(present_counts, maximum(values, present, groups), none)
            case _:
                return _PartialGroups(present_counts, none, none)

    def _nothing(self, groups: int) -> _PartialGroups:
        """Return the state of groups without any series."""
        shape = (groups, self._steps)
        start = np.nan if self._operator in ("min", "max") else 0.0
        return _PartialGroups(np.zeros(shape, np.intp), np.full(shape, start), np.zeros(shape))
