"""Rules: what is evaluated, and what an alert made of it says."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from alerting.book.states import Timing
from alerting.errors import RuleEvaluationError
from alerting.rules.templates import Template, TemplateData
from model.labels import METRIC_NAME, Labels

ALERT_NAME = "alertname"

T = TypeVar("T")
Templates = Mapping[str, Template]


@dataclass(frozen=True, slots=True)
class AlertRule:
    """One alerting rule.

    Attributes:
        identity: tells rules apart across restarts: `host/cpu`, `group/alertname`.
        name: the `alertname` label.
        expression: PromQL; an alert for each series of its result.
        timing: how long it waits.
        labels, annotations: by name.
        recovery: PromQL; a firing alert fires on while its series is in this result.
        data: PromQL; an alert whose series is not in this result has no data. None: a
            series that is not in `expression`'s result has recovered.
    """

    identity: str
    name: str
    expression: str
    timing: Timing = field(default_factory=Timing)
    labels: Templates = field(default_factory=dict)
    annotations: Templates = field(default_factory=dict)
    recovery: str | None = None
    data: str | None = None

    def labels_of(self, sample: Labels, value: float, external_url: str = "") -> Labels:
        """Return the labels of the alert that a series of the result makes."""
        data = TemplateData(sample.drop({METRIC_NAME}), value, external_url)
        own = {name: template.render(data) for name, template in self.labels.items()}
        return Labels.of({**dict(data.labels), **own, ALERT_NAME: self.name})

    def annotations_of(self, sample: Labels, value: float, external_url: str = "") -> Labels:
        """Return what the alert says."""
        data = TemplateData(sample.drop({METRIC_NAME}), value, external_url)
        return Labels.of(
            {name: template.render(data) for name, template in self.annotations.items()}
        )


@dataclass(frozen=True, slots=True)
class RecordingRule:
    """A rule whose result is stored as series named `name` with `labels` on top."""

    name: str
    expression: str
    labels: Labels = field(default_factory=Labels)

    def labels_of(self, sample: Labels) -> Labels:
        """Return the labels under which a series of the result is stored."""
        return Labels.of({**dict(sample), **dict(self.labels), METRIC_NAME: self.name})


Rule = AlertRule | RecordingRule


@dataclass(frozen=True, slots=True)
class RuleGroup:
    """Rules that are evaluated together, one after the other, at one time.

    Attributes:
        name: unique in its file.
        file: the path as given.
        rules: in order; a later one may read what an earlier one recorded.
        interval_ms: None takes the server's.
        limit: more alerts or series than this fail the rule, 0 for no limit.
        offset_ms: how far in the past it is evaluated, for data that come late.
    """

    name: str
    file: str
    rules: tuple[Rule, ...]
    interval_ms: int | None = None
    limit: int = 0
    offset_ms: int = 0


def by_labels(pairs: list[tuple[Labels, T]]) -> dict[Labels, T]:
    """Return what belongs to each label set.

    Raises:
        RuleEvaluationError: two series ended up with the same labels.
    """
    found = dict(pairs)
    if len(found) < len(pairs):
        raise RuleEvaluationError(
            "the result holds several series with the same labels once the rule's are applied"
        )
    return found
