"""Values while a query is evaluated: steps, vectors of series over steps, scalars.

An instant vector is a matrix with one column. Missing cells are told by a mask, not
by a value: an ordinary NaN is a value and must survive arithmetic as one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.labels import METRIC_NAME, Labels
from promql.api import EvaluationError

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Indices = NDArray[np.intp]

RESERVED: Final = frozenset({METRIC_NAME, "__type__", "__unit__"})
"""Labels that say what a metric is; computing on it makes it something else."""
_LAST_RESERVED: Final = max(RESERVED)
DUPLICATES: Final = "vector cannot contain metrics with the same labelset"


@dataclass(frozen=True)
class Steps:
    """The times of evaluation: `times_ms` of shape (S,), ascending, Unix milliseconds."""

    times_ms: NDArray[np.int64]

    @cached_property
    def count(self) -> int:
        """How many there are."""
        return len(self.times_ms)

    @cached_property
    def first_ms(self) -> int:
        """The first one."""
        return int(self.times_ms[0])

    @cached_property
    def last_ms(self) -> int:
        """The last one."""
        return int(self.times_ms[-1])

    @cached_property
    def seconds(self) -> Floats:
        """All as Unix seconds."""
        return self.times_ms / 1000

    def only_first(self) -> "Steps":
        """Return the first step alone."""
        return Steps(self.times_ms[:1])


@dataclass(frozen=True, slots=True, eq=False)
class Vector:
    """N series over S steps.

    Attributes:
        labels: the N label sets; no two are equal where both are present.
        values: shape (N, S); anything where `present` is False.
        present: shape (N, S).
        unnamed: shape (N,), which series lose their reserved labels (the metric name)
            before anybody sees them; None: none does. Dropping late costs nothing
            where an aggregation or a join would throw the name away anyway.
        one_name: whether all series have the same metric name (or none).
    """

    labels: Sequence[Labels]
    values: Floats
    present: Mask
    unnamed: Mask | None = None
    one_name: bool = False

    def __len__(self) -> int:
        return len(self.labels)

    def with_values(self, values: Floats, present: Mask | None = None) -> "Vector":
        """Return the same series with other values."""
        return replace(self, values=values, present=self.present if present is None else present)

    def computed(self, values: Floats, present: Mask | None = None) -> "Vector":
        """Return the same series with other values, their names to be dropped."""
        return Vector(
            self.labels,
            values,
            self.present if present is None else present,
            np.ones(len(self.labels), dtype=np.bool_),
            self.one_name,
        )

    def take(self, rows: Indices | Mask) -> "Vector":
        """Return some of the series, in the order of `rows`."""
        indices = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows
        labels = self.labels
        return Vector(
            [labels[index] for index in indices.tolist()],
            self.values[indices],
            self.present[indices],
            None if self.unnamed is None else self.unnamed[indices],
            self.one_name,
        )

    def columns(self, some: slice) -> "Vector":
        """Return some of the steps."""
        return replace(self, values=self.values[:, some], present=self.present[:, some])

    def occupied(self) -> "Vector":
        """Return only the series that are present at some step."""
        if not len(self):
            return self
        rows = any_step(self.present)
        return self if rows.all() else self.take(rows)

    def named(self) -> "Vector":
        """Drop the reserved labels of those that are to lose them.

        Raises:
            EvaluationError: two series would then be the same at some step.
        """
        if self.unnamed is None or not self.unnamed.any():
            return self
        labels = without_reserved(self.labels, self.unnamed)
        vector = Vector(labels, self.values, self.present, None, one_name=True)
        if self.one_name and self.unnamed.all():
            return vector
        return merged(vector)


Scalars = Floats
"""A scalar over the steps: shape (S,), or (1,) where it is the same at all."""

Value = Vector | Floats | str
"""Whatever an expression yields during evaluation."""


def any_step(present: Mask) -> Mask:
    """Tell which series are present at some step: (N, S) to (N,)."""
    if present.shape[1] == 1:
        return present[:, 0]
    found: Mask = np.logical_or.reduce(present, axis=1)
    return found


def any_series(present: Mask) -> Mask:
    """Tell at which steps some series is present: (N, S) to (S,)."""
    found: Mask = np.logical_or.reduce(present, axis=0)
    return found


def empty_vector(steps: int) -> Vector:
    """Return a vector without series."""
    return Vector([], np.empty((0, steps)), np.empty((0, steps), dtype=np.bool_), one_name=True)


def without_reserved(labels: Iterable[Labels], rows: Mask) -> list[Labels]:
    """Return the label sets, without reserved labels where `rows` says so."""
    return [
        # Names sort by code point and few are reserved: most often one slice at the front.
        drop_reserved(each) if drop else each
        for each, drop in zip(labels, rows.tolist(), strict=True)
    ]


def drop_reserved(labels: Labels) -> Labels:
    """Return the label set without the metric name and its kin."""
    if not labels or labels[0][0] > _LAST_RESERVED:
        return labels
    if labels[0][0] == METRIC_NAME:
        rest = labels[1:]
        if not rest or not rest[0][0].startswith("__"):
            return Labels(rest)
    return labels.drop(RESERVED)


def merged(vector: Vector, message: str = DUPLICATES) -> Vector:
    """Return the vector with series of equal labels made one.

    They may be present at different steps only.

    Raises:
        EvaluationError: two are present at the same step; says `message`.
    """
    places: dict[Labels, int] = {}
    rows = [places.setdefault(each, len(places)) for each in vector.labels]
    if len(places) == len(rows):
        return vector
    targets = np.array(rows, dtype=np.intp)
    shape = (len(places), vector.values.shape[1])
    counts = np.zeros(shape, dtype=np.intp)
    np.add.at(counts, targets, vector.present)
    if (counts > 1).any():
        raise EvaluationError(message)
    values = np.zeros(shape)
    series, columns = np.nonzero(vector.present)
    values[targets[series], columns] = vector.values[series, columns]
    unnamed = None
    if vector.unnamed is not None:
        unnamed = np.zeros(len(places), dtype=np.bool_)
        np.logical_or.at(unnamed, targets, vector.unnamed)
    return Vector(list(places), values, counts > 0, unnamed, vector.one_name)


def concatenated(parts: Sequence[Vector], steps: int) -> Vector:
    """Return all series of `parts` as one vector; equal labels are not looked for."""
    parts = [part for part in parts if len(part)]
    if not parts:
        return empty_vector(steps)
    if len(parts) == 1:
        return parts[0]
    unnamed = None
    if any(part.unnamed is not None for part in parts):
        unnamed = np.concatenate(
            [
                np.zeros(len(part), dtype=np.bool_) if part.unnamed is None else part.unnamed
                for part in parts
            ]
        )
    return Vector(
        [labels for part in parts for labels in part.labels],
        np.concatenate([part.values for part in parts]),
        np.concatenate([part.present for part in parts]),
        unnamed,
        all(part.one_name for part in parts)
        and len({part.labels[0].metric for part in parts}) == 1,
    )
