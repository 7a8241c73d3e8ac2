"""Converts the value of an evaluated query into the answer's scalar, vector or matrix."""

import numpy as np
from numpy.typing import NDArray

from model.labels import Labels
from model.process.garbage import exclude_from_collections
from model.series import ABSENT_BITS, AlignedSeries
from promql.api import InstantVector, Scalar, String
from promql.evaluation.series_order import sorted_rows
from promql.kernels.arrays import Indices
from promql.kernels.interruption import current_budget
from promql.kernels.step_matrix import StepMatrix, Value, any_series


def instant_result(value: Value, time_ms: int) -> Scalar | String | InstantVector:
    """Return the result of an instant query.

    Raises:
        EvaluationError: two series have equal labels once their metric names are dropped.
    """
    if isinstance(value, str):
        return String(time_ms, value)
    if not isinstance(value, StepMatrix):
        return Scalar(time_ms, float(value[0]))
    vector = value.without_names().without_empty()
    labels = tuple(vector.labels)
    exclude_from_collections(labels)
    return InstantVector(time_ms, labels, np.ascontiguousarray(vector.values[:, 0]))


def ordered(matrix: AlignedSeries) -> AlignedSeries:
    """Return the series sorted by labels."""
    order = sorted_rows(len(matrix.labels), matrix.labels.__getitem__)
    return matrix if _is_sorted(order) else matrix.take(order, current_budget())


def _is_sorted(order: Indices) -> bool:
    return np.array_equal(order, np.arange(len(order)))


def range_result(value: Value, times_ms: NDArray[np.int64]) -> AlignedSeries:
    """Return the matrix of a range query, sorted by labels, without empty steps at its ends.

    Raises:
        EvaluationError: two series have equal labels once their metric names are dropped.
    """
    if not isinstance(value, StepMatrix):
        row = np.broadcast_to(value, (1, len(times_ms))).astype(np.float64)
        return AlignedSeries.of_source([Labels()], times_ms, row)
    vector = value.without_names()
    if not vector.present.all():
        vector = vector.without_empty()
        # Most gaps are at the ends: the first windows hold too few samples.
        seen = np.flatnonzero(any_series(vector.present))
        ends = slice(int(seen[0]), int(seen[-1]) + 1) if len(seen) else slice(0)
        vector, times_ms = vector.columns(ends), times_ms[ends]
    order = sorted_rows(len(vector.labels), vector.labels.__getitem__)
    if not _is_sorted(order):
        vector = vector.take(order)
    values, present = vector.values, vector.present
    if not present.all():
        values = values.copy()
        # ABSENT is a signalling NaN: copy its bits, because float operations would change it.
        np.copyto(values.view(np.uint64), np.uint64(ABSENT_BITS), where=~present)
    return AlignedSeries.of_source(vector.labels, times_ms, values)
