"""An instant vector evaluated at many steps, as one matrix.

A mask marks missing cells, because an ordinary NaN is a value and must survive
arithmetic as one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Final

import numpy as np

from model.label_hashes import hashes_of, repeated
from model.labels import Labels
from promql.api import EvaluationError
from promql.kernels.arrays import Floats, Indices, Mask
from promql.kernels.interruption import interruptible, pieces
from promql.kernels.reserved_labels import without_reserved

DUPLICATES: Final = "vector cannot contain metrics with the same labelset"


@dataclass(frozen=True, slots=True, eq=False)
class StepMatrix:
    """The values of N series at S steps; an instant query has one step.

    Attributes:
        labels: the N label sets. Equal ones are never present at the same step.
        values: shape (N, S); undefined where `present` is False.
        present: shape (N, S).
        drop_name: shape (N,), the series whose reserved labels (the metric name) are still
            to be dropped; None for none. Dropping them late is free where an
            aggregation or a join discards the name anyway.
        one_name: whether all series have the same metric name (or none).
    """

    labels: Sequence[Labels]
    values: Floats
    present: Mask
    drop_name: Mask | None = None
    one_name: bool = False

    def __len__(self) -> int:
        return len(self.labels)

    def with_values(self, values: Floats, present: Mask | None = None) -> "StepMatrix":
        """Return the same series with other values."""
        return replace(self, values=values, present=self.present if present is None else present)

    def computed(self, values: Floats, present: Mask | None = None) -> "StepMatrix":
        """Return the same series with other values, all marked `drop_name`."""
        return StepMatrix(
            self.labels,
            values,
            self.present if present is None else present,
            np.ones(len(self.labels), dtype=np.bool_),
            self.one_name,
        )

    def take(self, rows: Indices | Mask) -> "StepMatrix":
        """Return the series at `rows`, in that order."""
        indices = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows
        labels = self.labels
        return StepMatrix(
            [labels[index] for piece in pieces(indices) for index in piece.tolist()],
            self.values[indices],
            self.present[indices],
            None if self.drop_name is None else self.drop_name[indices],
            self.one_name,
        )

    def columns(self, steps: slice) -> "StepMatrix":
        """Return the values at a range of steps."""
        return replace(self, values=self.values[:, steps], present=self.present[:, steps])

    def without_empty(self) -> "StepMatrix":
        """Return only the series that are present at some step."""
        if not len(self):
            return self
        rows = any_step(self.present)
        return self if rows.all() else self.take(rows)

    def without_names(self) -> "StepMatrix":
        """Drop the reserved labels of the `drop_name` series.

        Raises:
            EvaluationError: two series then have equal labels and are present at one step.
        """
        if self.drop_name is None or not self.drop_name.any():
            return self
        labels = without_reserved(self.labels, self.drop_name)
        vector = StepMatrix(labels, self.values, self.present, None, one_name=True)
        if self.one_name and self.drop_name.all():
            return vector
        return merged(vector)


Value = StepMatrix | Floats | str
"""The value of an expression during evaluation; Floats are a scalar (see `Scalars`)."""


def any_step(present: Mask) -> Mask:
    """Return which series are present at any step: (N, S) to (N,)."""
    if present.shape[1] == 1:
        return present[:, 0]
    found: Mask = np.logical_or.reduce(present, axis=1)
    return found


def any_series(present: Mask) -> Mask:
    """Return the steps at which any series is present: (N, S) to (S,)."""
    found: Mask = np.logical_or.reduce(present, axis=0)
    return found


def empty_matrix(steps: int) -> StepMatrix:
    """Return a matrix without series."""
    return StepMatrix([], np.empty((0, steps)), np.empty((0, steps), dtype=np.bool_), one_name=True)


def merged(vector: StepMatrix, message: str = DUPLICATES) -> StepMatrix:
    """Return the vector with series of equal labels joined into one.

    Raises:
        EvaluationError: two of them are present at the same step; the text is `message`.
    """
    places: dict[Labels, int] = {}
    rows = [places.setdefault(each, len(places)) for each in interruptible(vector.labels)]
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
    drop_name = None
    if vector.drop_name is not None:
        drop_name = np.zeros(len(places), dtype=np.bool_)
        np.logical_or.at(drop_name, targets, vector.drop_name)
    return StepMatrix(list(places), values, counts > 0, drop_name, vector.one_name)


def names_dropped(parts: list[StepMatrix], steps: int) -> Iterator[StepMatrix]:
    """Yield the series of all parts without their reserved labels; empties the list.

    Parts stay apart unless their series have equal labels, which need one matrix.

    Raises:
        EvaluationError: two series then have equal labels and are present at one step.
    """
    dropped = [
        part.labels if part.drop_name is None else without_reserved(part.labels, part.drop_name)
        for part in parts
    ]
    if repeated(hashes_of(piece for labels in dropped for piece in pieces(labels))):
        whole = concatenated(parts, steps)
        parts.clear()
        yield whole.without_names()
        return
    parts.reverse()
    for labels in dropped:
        part = parts.pop()
        yield StepMatrix(labels, part.values, part.present, None, one_name=True)


def concatenated(parts: Sequence[StepMatrix], steps: int) -> StepMatrix:
    """Return all series of `parts` as one matrix, without looking for equal labels."""
    parts = [part for part in interruptible(parts) if len(part)]
    if not parts:
        return empty_matrix(steps)
    if len(parts) == 1:
        return parts[0]
    drop_name = None
    if any(part.drop_name is not None for part in parts):
        drop_name = np.concatenate(
            [
                np.zeros(len(part), dtype=np.bool_) if part.drop_name is None else part.drop_name
                for part in parts
            ]
        )
    return StepMatrix(
        list(chain.from_iterable(part.labels for part in parts)),
        np.concatenate([part.values for part in parts]),
        np.concatenate([part.present for part in parts]),
        drop_name,
        all(part.one_name for part in parts)
        and len({part.labels[0].metric for part in parts}) == 1,
    )
