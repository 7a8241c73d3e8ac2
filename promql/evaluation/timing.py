"""The range of a query, and the durations and times that depend on it.

Source: Prometheus documentation, "Querying basics", offset, @ and subqueries.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from promql.api import EvaluationError, ParseError, QueryRangeError, TooManyStepsError
from promql.kernels.steps import Steps
from promql.syntax.nodes import AtEdge, Duration, DurationOperation, NumberLiteral, TimeShift

MAX_STEPS: Final = 11_000
"""Points of one series in one answer, Prometheus's limit: a week at one a minute."""
_LIMIT_S: Final = 2**63 / 1e9
"""Go's longest duration: 292 years."""
_LIMIT_MS: Final = 2**61
"""The largest time; adding a duration to it does not overflow 64 bits."""


@dataclass(frozen=True, slots=True)
class QueryRange:
    """The start, end and step of a query, Unix milliseconds; an instant query has step 0."""

    start_ms: int
    end_ms: int
    step_ms: int

    @classmethod
    def checked(cls, start_ms: int, end_ms: int, step_ms: int) -> "QueryRange":
        """Return the range of a range query.

        Raises:
            QueryRangeError: the end is before the start, the step is not positive, or there
                are more than `MAX_STEPS` steps.
            EvaluationError: a time is out of range.
        """
        found = cls(start_ms, end_ms, step_ms)
        found.check_times()
        if end_ms < start_ms:
            raise QueryRangeError("end timestamp must not be before start time", "end")
        if step_ms <= 0:
            raise QueryRangeError(
                "zero or negative query resolution step widths are not accepted."
                " Try a positive integer",
                "step",
            )
        if (end_ms - start_ms) // step_ms > MAX_STEPS:
            raise TooManyStepsError(
                f"exceeded maximum resolution of {MAX_STEPS:,} points per timeseries."
                " Try decreasing the query resolution (?step=XX)",
                "step",
            )
        return found

    @property
    def step_count(self) -> int:
        """The number of evaluation times of a range query."""
        return (self.end_ms - self.start_ms) // self.step_ms + 1

    @property
    def is_range(self) -> bool:
        """Whether start and end differ."""
        return self.start_ms != self.end_ms

    def check_times(self) -> None:
        """Check that the times are in the range of sample times.

        Raises:
            EvaluationError: they are out of range.
        """
        if max(abs(self.start_ms), abs(self.end_ms), self.step_ms) > _LIMIT_MS:
            raise EvaluationError("evaluation time is out of range")

    def steps(self) -> Steps:
        """Return the evaluation times."""
        if not self.step_ms:
            return Steps(np.array([self.start_ms], dtype=np.int64))
        return Steps(np.arange(self.start_ms, self.end_ms + 1, self.step_ms, dtype=np.int64))

    def length_ms(self, duration: Duration) -> int:
        """Return the length of a range or step.

        Raises:
            ParseError: it is not positive, or it is out of range.
        """
        seconds = self._seconds(duration)
        if not seconds > 0:
            raise _invalid("duration must be greater than 0", duration)
        return _milliseconds(seconds, duration)

    def offset_ms(self, shift: TimeShift) -> int:
        """Return the offset of a selector; negative offsets look forward.

        Raises:
            ParseError: it is out of range.
        """
        if shift.offset is None:
            return 0
        return _milliseconds(self._seconds(shift.offset), shift.offset)

    def reference(self, shift: TimeShift, steps: Steps) -> NDArray[np.int64]:
        """Return the time that a selector refers to at each step."""
        if not shift.has_at:
            return steps.times_ms - self.offset_ms(shift) if shift.offset else steps.times_ms
        if shift.at_ms is not None:
            # No sample has a later time; clipping keeps the arithmetic within 64 bits.
            at_ms = max(-_LIMIT_MS, min(shift.at_ms, _LIMIT_MS))
        else:
            at_ms = self.start_ms if shift.at_edge is AtEdge.START else self.end_ms
        return np.full(steps.count, at_ms - self.offset_ms(shift), dtype=np.int64)

    def _seconds(self, duration: Duration) -> float:
        if isinstance(duration, NumberLiteral):
            return duration.value
        return self._operation(duration)

    def _operation(self, node: DurationOperation) -> float:
        if node.operator == "step":
            return self.step_ms / 1000
        if node.operator == "range":
            return (self.end_ms - self.start_ms) / 1000
        values = [self._seconds(operand) for operand in node.operands]
        if len(values) == 1:
            return -values[0] if node.operator == "-" else values[0]
        return _compute(node, *values)


def _compute(node: DurationOperation, left: float, right: float) -> float:
    match node.operator:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "/" if right == 0:
            raise _invalid("division by zero", node)
        case "/":
            return left / right
        case "%" if right == 0:
            raise _invalid("modulo by zero", node)
        case "%":
            return math.fmod(left, right) if math.isfinite(left) else math.nan
        case "min_of":
            return min(left, right)
        case "max_of":
            return max(left, right)
        case _:
            with np.errstate(all="ignore"):
                return float(np.power(left, right))


def _milliseconds(seconds: float, duration: Duration) -> int:
    if not abs(seconds) < _LIMIT_S:
        raise _invalid("duration is out of range", duration)
    return round(seconds * 1000)


def _invalid(message: str, duration: Duration) -> ParseError:
    """Return the error for a computed duration; the query itself is at fault.

    As in Prometheus, it names the offsets of the duration in the query.
    """
    start, end = duration.start, duration.end
    return ParseError(f"{start}:{end}: {message}", start, end)
