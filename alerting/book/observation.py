"""The types that evaluations hand to the book and that the book returns."""

from dataclasses import dataclass, field

from alerting.book.lifecycle import Condition, RuleTiming
from model.labels import Labels
from storage.api.alerts import Alert


@dataclass(frozen=True, slots=True)
class AlertKey:
    """Identifies an open alert: the rule's identity, and labels that do not change."""

    rule: str
    labels: Labels


@dataclass(frozen=True, slots=True)
class Observation:
    """The result of one evaluation for one alert.

    Attributes:
        key: the alert.
        condition: whether the rule's condition holds.
        timing: the rule's waiting times.
        value: the expression's value, None without one.
        labels: the labels of the alert if it is new.
        annotations: the alert's annotations, None to keep the previous ones.
        expression: the PromQL behind the alert, for links.
        suppressed_by: why the alert may neither fire nor become *no data* now, else "".
        inhibitors: alerts that suppress this one while they fire.
    """

    key: AlertKey
    condition: Condition
    timing: RuleTiming
    value: float | None = None
    labels: Labels = field(default_factory=Labels)
    annotations: Labels | None = None
    expression: str = ""
    suppressed_by: str = ""
    inhibitors: tuple[AlertKey, ...] = ()


@dataclass(frozen=True, slots=True)
class OpenAlert:
    """An alert that is pending, firing or without data.

    Attributes:
        alert: with its latest value and annotations.
        suppressed_by: the alert or reason that keeps it from firing, else "".
    """

    alert: Alert
    suppressed_by: str = ""
