"""Aggregates series that come block by block, holding only the groups."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from model.labels import Labels
from promql.evaluation.blocks import BLOCK_CELLS
from promql.kernels.aggregation import Groups, counts, group, maximum, minimum, reduced, sums
from promql.kernels.compensated import add, closed
from promql.kernels.vectors import Floats, Indices, Vector, concatenated

TALLIES: Final = frozenset({"avg", "count", "group", "max", "min", "sum"})
"""Operators whose groups can grow block by block."""


# Fewer cells and the calls show; more and what they leave behind falls out of the cache.
_WORTH_A_CALL: Final = BLOCK_CELLS // 4


@dataclass(frozen=True, slots=True, eq=False)
class _Tallied:
    """What is known of some groups; all of shape (G, S).

    Attributes:
        counts: how many series were present.
        values: their sum, least or largest.
        errors: of sums, what rounding took.
    """

    counts: Indices
    values: Floats
    errors: Floats

    @classmethod
    def joined(cls, parts: Sequence["_Tallied"]) -> "_Tallied":
        """Return the groups of all parts, one behind the other."""
        if len(parts) == 1:
            return parts[0]
        return cls(
            np.concatenate([each.counts for each in parts]),
            np.concatenate([each.values for each in parts]),
            np.concatenate([each.errors for each in parts]),
        )


class Tally:
    """Aggregates series that come block by block, holding only the groups."""

    def __init__(self, operator: str, names: Sequence[str], steps: int) -> None:
        self._operator = operator
        self._names = names
        self._steps = steps
        self._waiting: list[Vector] = []
        self._cells = 0
        self._places = dict[Labels, int]()
        # Groups in the order of their places; one that comes again makes all parts one.
        self._parts: list[_Tallied] = []

    def add(self, block: Vector) -> None:
        """Take a block of series in; small ones wait until they are worth a call."""
        self._waiting.append(block)
        self._cells += block.values.size
        if self._cells >= _WORTH_A_CALL:
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            self._merge(concatenated(self._waiting, self._steps))
            self._waiting, self._cells = [], 0

    def result(self) -> Vector | None:
        """Return the groups; None where a mean overflowed and must be taken at once."""
        if not self._parts:
            return self._at_once()
        self._flush()
        values = np.concatenate([self._final(part) for part in self._parts])
        if self._operator == "avg" and not np.isfinite(values).all():
            return None
        present = np.concatenate([part.counts > 0 for part in self._parts])
        return Vector(list(self._places), values, present)

    def _final(self, part: _Tallied) -> Floats:
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

    def _at_once(self) -> Vector:
        whole = concatenated(self._waiting, self._steps)
        if not len(whole):
            return whole
        groups = group(whole.labels, self._names, without=False)
        return reduced(self._operator, Vector(whole.labels, whole.values, whole.present), groups)

    def _merge(self, block: Vector) -> None:
        groups = group(block.labels, self._names, without=False)
        found = self._tallied(block, groups)
        places, known = self._places, len(self._places)
        rows = np.array([places.setdefault(labels, len(places)) for labels in groups.labels])
        if (rows >= known).all():
            self._parts.append(found)
            return
        new = rows >= known
        parts = [*self._parts]
        if new.any():
            parts.append(self._nothing(len(places) - known))
        whole = _Tallied.joined(parts)
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

    def _tallied(self, block: Vector, groups: Groups) -> _Tallied:
        values, present = block.values, block.present
        if present.all():
            tallied = np.repeat(groups.sizes[:, np.newaxis], self._steps, axis=1)
        else:
            tallied = counts(present, groups)
        none = np.broadcast_to(0.0, tallied.shape)
        match self._operator:
            case "sum" | "avg":
                return _Tallied(tallied, *sums(values, present, groups))
            case "min":
                return _Tallied(tallied, minimum(values, present, groups), none)
            case "max":
                return _Tallied(tallied, maximum(values, present, groups), none)
            case _:
                return _Tallied(tallied, none, none)

    def _nothing(self, groups: int) -> _Tallied:
        """Return groups of which nothing was seen yet."""
        shape = (groups, self._steps)
        start = np.nan if self._operator in ("min", "max") else 0.0
        return _Tallied(np.zeros(shape, np.intp), np.full(shape, start), np.zeros(shape))
