"""The chart of an alert's value: what its rule compares, the threshold, and the time around it."""

from dataclasses import dataclass
from typing import Any, Final

from alerting.views import RuleView
from promql.syntax.nodes import BinaryOperation, Expression, NumberLiteral, Parentheses
from promql.syntax.parser import parse
from promql.syntax.printer import text
from storage.api.alerts import Alert

_COMPARISONS: Final = frozenset({"==", "!=", "<", "<=", ">", ">="})
_LEAST_BEFORE_MS: Final = 30 * 60_000
_AFTER_MS: Final = 15 * 60_000
_MOST_MS: Final = 30 * 86_400_000
_POINTS: Final = 300
_LEAST_STEP_S: Final = 15


@dataclass(frozen=True, slots=True)
class ValueChart:
    """The chart of an alert's value.

    Attributes:
        query: PromQL of the value, for all series of the rule.
        threshold: what the value is compared with; None where that is no plain number.
        labels: the alert's labels; a series without any other label is the alert's.
        start_s, end_s, step_s: the range.
        marks_s: when the alert fired and was resolved.
    """

    query: str
    threshold: float | None
    labels: dict[str, str]
    start_s: float
    end_s: float
    step_s: int
    marks_s: tuple[float, ...]

    def document(self) -> dict[str, Any]:
        """Return the chart as the page's script reads it."""
        return {name: getattr(self, name) for name in self.__slots__}


def value_chart(rule: RuleView | None, alert: Alert, now_ms: int) -> ValueChart | None:
    """Return the chart of an alert, None for one whose rule is gone."""
    if rule is None:
        return None
    query, threshold = compared(parse(rule.query))
    end_ms = now_ms if alert.resolved_ms is None else min(now_ms, alert.resolved_ms + _AFTER_MS)
    before_ms = max(_LEAST_BEFORE_MS, (end_ms - alert.active_ms) // 2)
    start_ms = max(alert.active_ms - before_ms, end_ms - _MOST_MS)
    moments = (alert.fired_ms, alert.resolved_ms)
    return ValueChart(
        query,
        threshold,
        dict(alert.labels),
        start_ms / 1000,
        end_ms / 1000,
        max(_LEAST_STEP_S, -(-(end_ms - start_ms) // (1000 * _POINTS))),
        tuple(each / 1000 for each in moments if each is not None),
    )


def compared(condition: Expression) -> tuple[str, float | None]:
    """Return the value that a condition compares with a number, and that number.

    For any other condition, return the whole expression and None.
    """
    inner = condition
    while isinstance(inner, Parentheses):
        inner = inner.expression
    if isinstance(inner, BinaryOperation) and inner.operator in _COMPARISONS:
        if isinstance(inner.right, NumberLiteral):
            return text(inner.left), inner.right.value
        if isinstance(inner.left, NumberLiteral):
            return text(inner.right), inner.left.value
    return text(condition), None
