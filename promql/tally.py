"""Aggregates series that come block by block, holding only the groups."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from model.labels import Labels
from promql.aggregation import Groups, counts, group, maximum, minimum, ordered, reduced
from promql.compensated import Pair, add, closed, sum_groups
from promql.samples import BLOCK_CELLS
from promql.vectors import Indices, Vector, concatenated

TALLIES: Final = frozenset({"avg", "count", "group", "max", "min", "sum"})
"""Operators whose groups can grow block by block."""


# Fewer cells and the calls show; more and what they leave behind falls out of the cache.
_WORTH_A_CALL: Final = BLOCK_CELLS // 4


class Tally:
    """Aggregates series that come block by block, holding only the groups."""

    def __init__(self, operator: str, names: Sequence[str], steps: int) -> None:
        self._operator = operator
        self._names = names
        self._steps = steps
        self._waiting: list[Vector] = []
        self._cells = 0
        self._merged = False
        self._places = dict[Labels, int]()
        self._counts = np.zeros((0, steps), dtype=np.intp)
        self._values = np.zeros((0, steps))
        self._errors = np.zeros((0, steps))

    def add(self, block: Vector) -> None:
        """Take a block of series in; small ones wait until they are worth a call."""
        self._waiting.append(block)
        self._cells += block.values.size
        if self._cells >= _WORTH_A_CALL:
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            self._merge(concatenated(self._waiting, self._steps))
            self._waiting, self._cells, self._merged = [], 0, True

    def result(self) -> Vector | None:
        """Return the groups; None where a mean overflowed and must be taken at once."""
        if not self._merged:
            return self._at_once()
        self._flush()
        size = len(self._places)
        tallied, values = self._counts[:size], self._values[:size]
        if self._operator in ("sum", "avg"):
            values = closed((values, self._errors[:size]))
        if self._operator == "avg":
            if not np.isfinite(values).all():
                return None
            values = values / np.maximum(tallied, 1)
        elif self._operator == "count":
            values = tallied.astype(np.float64)
        elif self._operator == "group":
            values = np.ones_like(values)
        return Vector(list(self._places), values, tallied > 0)

    def _at_once(self) -> Vector:
        whole = concatenated(self._waiting, self._steps)
        if not len(whole):
            return whole
        groups = group(whole.labels, self._names, without=False)
        return reduced(self._operator, Vector(whole.labels, whole.values, whole.present), groups)

    def _merge(self, block: Vector) -> None:
        groups = group(block.labels, self._names, without=False)
        rows = self._rows(groups)
        values, present = block.values, block.present
        if present.all():
            tallied = np.broadcast_to(groups.sizes[:, np.newaxis], (len(rows), self._steps))
        else:
            tallied = counts(present, groups)
        self._counts[rows] += tallied
        if self._operator in ("sum", "avg"):
            found: Pair = sum_groups(ordered(values, present, groups, 0.0), groups.starts)
            so_far = self._values[rows], self._errors[rows]
            self._values[rows], self._errors[rows] = add(so_far, found)
        elif self._operator == "min":
            smallest = minimum(values, present, groups)
            self._values[rows] = np.fmin(self._values[rows], smallest)
        elif self._operator == "max":
            largest = maximum(values, present, groups)
            self._values[rows] = np.fmax(self._values[rows], largest)

    def _rows(self, groups: Groups) -> Indices:
        """Return the groups' rows, made where they are new."""
        places = self._places
        known = len(places)
        rows = [places.setdefault(labels, len(places)) for labels in groups.labels]
        if len(places) > len(self._counts):
            grown = max(len(places), 2 * len(self._counts))
            start = np.nan if self._operator in ("min", "max") else 0.0
            shape = (grown - known, self._steps)
            self._counts = np.concatenate([self._counts[:known], np.zeros(shape, dtype=np.intp)])
            self._values = np.concatenate([self._values[:known], np.full(shape, start)])
            self._errors = np.concatenate([self._errors[:known], np.zeros(shape)])
        return np.array(rows, dtype=np.intp)
