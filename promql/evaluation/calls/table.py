"""The handlers of all functions, by name."""

from collections.abc import Iterator, Mapping
from typing import Final

from promql.evaluation.calls import histograms, labels, ranges, values
from promql.evaluation.context import CallHandler, CallStream, Evaluation
from promql.kernels.step_matrix import StepMatrix, Value
from promql.kernels.steps import Steps
from promql.syntax.nodes import Call

_HANDLERS: Final[Mapping[str, CallHandler]] = {
    **ranges.HANDLERS,
    **values.HANDLERS,
    **labels.HANDLERS,
    **histograms.HANDLERS,
}
_STREAMS: Final[Mapping[str, CallStream]] = {**ranges.STREAMS, **values.STREAMS}


def call(evaluation: Evaluation, node: Call, steps: Steps) -> Value:
    """Evaluate a call.

    Raises:
        PromQLError: it cannot be evaluated.
    """
    return _HANDLERS[node.function](evaluation, node, steps)


def blocks(evaluation: Evaluation, node: Call, steps: Steps) -> Iterator[StepMatrix] | None:
    """Yield a call's result in blocks of series; None if it needs all series at once."""
    stream = _STREAMS.get(node.function)
    return None if stream is None else stream(evaluation, node, steps)
