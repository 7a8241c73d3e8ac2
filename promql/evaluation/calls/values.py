"""Functions of instant vectors and scalars.

Source: Prometheus documentation, "Query functions".
"""

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

from model.labels import Labels
from promql.evaluation.calls.absence import absence
from promql.evaluation.context import CallHandler, CallStream, Evaluation
from promql.kernels import instant
from promql.kernels.arrays import Floats, Scalars
from promql.kernels.step_matrix import StepMatrix, empty_matrix
from promql.kernels.steps import Steps
from promql.syntax.nodes import Call, VectorSelector
from promql.syntax.traversal import unwrap


def _math(evaluation: Evaluation, node: Call, steps: Steps) -> StepMatrix:
    vector = evaluation.vector(node.arguments[0], steps)
    return vector.computed(instant.MATH[node.function](vector.values))


def _math_blocks(evaluation: Evaluation, node: Call, steps: Steps) -> Iterator[StepMatrix]:
    compute = instant.MATH[node.function]
    inner = evaluation.blocks(node.arguments[0], steps)
    return (block.computed(compute(block.values)) for block in inner)


def _calendar(evaluation: Evaluation, node: Call, steps: Steps) -> StepMatrix:
    if not node.arguments:
        return _constant(instant.calendar(node.function, steps.seconds), steps)
    vector = evaluation.vector(node.arguments[0], steps)
    return vector.computed(instant.calendar(node.function, vector.values))


def _round(evaluation: Evaluation, node: Call, steps: Steps) -> StepMatrix:
    vector = evaluation.vector(node.arguments[0], steps)
    nearest = np.array([1.0])
    if len(node.arguments) > 1:
        nearest = evaluation.scalar(node.arguments[1], steps)
    return vector.computed(instant.round_to(vector.values, nearest))


def _clamp(evaluation: Evaluation, node: Call, steps: Steps) -> StepMatrix:
    vector = evaluation.vector(node.arguments[0], steps)
    bounds = [evaluation.scalar(each, steps) for each in node.arguments[1:]]
    if node.function == "clamp_min":
        return vector.computed(instant.larger(bounds[0], vector.values))
    if node.function == "clamp_max":
        return vector.computed(instant.smaller(bounds[0], vector.values))
    least, most = bounds
    present = vector.present & ~(least > most)
    return vector.computed(instant.clamp(vector.values, least, most), present).without_empty()


def _absent(evaluation: Evaluation, node: Call, steps: Steps) -> StepMatrix:
    return absence(evaluation.vector(node.arguments[0], steps), node.arguments[0], steps)


def _scalar(evaluation: Evaluation, node: Call, steps: Steps) -> Scalars:
    vector = evaluation.vector(node.arguments[0], steps)
    if not len(vector):
        return np.array([np.nan])
    row = np.argmax(vector.present, axis=0)[np.newaxis]
    value = np.take_along_axis(vector.values, row, axis=0)[0]
    return np.where(vector.present.sum(axis=0) == 1, value, np.nan)


def _vector(evaluation: Evaluation, node: Call, steps: Steps) -> StepMatrix:
    return _constant(evaluation.scalar(node.arguments[0], steps), steps)


def _time(evaluation: Evaluation, node: Call, steps: Steps) -> Scalars:
    return steps.seconds


def _timestamp(evaluation: Evaluation, node: Call, steps: Steps) -> StepMatrix:
    argument = unwrap(node.arguments[0])
    if isinstance(argument, VectorSelector):
        selected = evaluation.instant_selection(argument, steps)
        return selected.vector.computed(selected.times_s)
    vector = evaluation.vector(node.arguments[0], steps)
    times = np.broadcast_to(steps.seconds, vector.values.shape)
    return vector.computed(times)


def _start_timestamp(evaluation: Evaluation, node: Call, steps: Steps) -> StepMatrix:
    argument = unwrap(node.arguments[0])
    if isinstance(argument, VectorSelector):
        selected = evaluation.instant_selection(argument, steps, starts=True)
        return selected.vector.computed(selected.started_s)
    # Computed values have no start time.
    evaluation.vector(node.arguments[0], steps)
    return empty_matrix(steps.count)


def _pi(evaluation: Evaluation, node: Call, steps: Steps) -> Scalars:
    return np.array([np.pi])


def _edge(evaluation: Evaluation, node: Call, steps: Steps) -> Scalars:
    query = evaluation.query
    milliseconds = {
        "start": query.start_ms,
        "end": query.end_ms,
        "step": query.step_ms,
        "range": query.end_ms - query.start_ms,
    }[node.function]
    return np.array([milliseconds / 1000])


def _extreme_of(evaluation: Evaluation, node: Call, steps: Steps) -> Scalars:
    left, right = (evaluation.scalar(each, steps) for each in node.arguments)
    return np.minimum(left, right) if node.function == "min_of" else np.maximum(left, right)


def _constant(values: Floats, steps: Steps) -> StepMatrix:
    """Return one series without labels."""
    shape = (1, steps.count)
    present = np.ones(shape, dtype=np.bool_)
    return StepMatrix([Labels()], np.broadcast_to(values, shape), present, None, one_name=True)


HANDLERS: Final[Mapping[str, CallHandler]] = {
    "absent": _absent,
    "clamp": _clamp,
    "clamp_max": _clamp,
    "clamp_min": _clamp,
    "end": _edge,
    "max_of": _extreme_of,
    "min_of": _extreme_of,
    "pi": _pi,
    "range": _edge,
    "round": _round,
    "scalar": _scalar,
    "start": _edge,
    "start_timestamp": _start_timestamp,
    "step": _edge,
    "time": _time,
    "timestamp": _timestamp,
    "vector": _vector,
    **dict.fromkeys(instant.MATH, _math),
    **dict.fromkeys(instant.CALENDAR, _calendar),
}
"""The functions by name."""

STREAMS: Final[Mapping[str, CallStream]] = dict.fromkeys(instant.MATH, _math_blocks)
"""The functions that can be evaluated in blocks of series, by name."""
