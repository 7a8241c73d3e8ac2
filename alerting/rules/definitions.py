"""Alerting rules, recording rules and their groups."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from alerting.book.lifecycle import RuleTiming
from alerting.errors import RuleEvaluationError
from alerting.rules.templates import NO_LABELS, Template
from model.labels import METRIC_NAME, Labels

ALERT_NAME = "alertname"

T = TypeVar("T")
Templates = Mapping[str, Template]


@dataclass(frozen=True, slots=True)
class AlertingRule:
    """One alerting rule.

    Attributes:
        identity: names the rule across restarts: `group/alertname`.
        name: the `alertname` label.
        expression: PromQL; each series of its result is an alert.
        timing: the waiting times.
        labels, annotations: templates by name.
        recovery: PromQL; an alert keeps firing while its series is in this result.
        data: PromQL; an alert whose series is not in this result has no data. If None,
            an alert whose series is not in the result of `expression` has recovered.
    """

    identity: str
    name: str
    expression: str
    timing: RuleTiming = field(default_factory=RuleTiming)
    labels: Templates = field(default_factory=dict)
    annotations: Templates = field(default_factory=dict)
    recovery: str | None = None
    data: str | None = None


@dataclass(frozen=True, slots=True)
class AlertOrigin:
    """The part of an alert's rule that Alertmanagers get: its PromQL, and its interval."""

    expression: str
    interval_ms: int


@dataclass(frozen=True, slots=True)
class RecordingRule:
    """A rule whose result is stored as series.

    Attributes:
        name: the name of the series.
        labels: labels that override those of the result; an empty value removes a label.
    """

    name: str
    expression: str
    labels: Mapping[str, str] = field(default_factory=dict)

    def labels_of(self, sample: Labels) -> Labels:
        """Return the labels with which a series of the result is stored."""
        return Labels.of({**dict(sample), **self.labels, METRIC_NAME: self.name})


Rule = AlertingRule | RecordingRule


@dataclass(frozen=True, slots=True)
class RuleGroup:
    """Rules that are evaluated one after the other, all for the same time.

    Attributes:
        name: unique in its file.
        file: the path of the file.
        rules: in order; a rule may read the series that an earlier one recorded.
        interval_ms: how often the group is evaluated, None for the server's default.
        limit: a rule fails if it yields more alerts or series than this; 0 for no limit.
        offset_ms: how far in the past the group is evaluated, for data that arrive late;
            None for the server's default.
        external_labels: labels of this server, for templates.
    """

    name: str
    file: str
    rules: tuple[Rule, ...]
    interval_ms: int | None = None
    limit: int = 0
    offset_ms: int | None = None
    external_labels: Labels = NO_LABELS


def by_labels(pairs: list[tuple[Labels, T]]) -> dict[Labels, T]:
    """Return the pairs as a dict.

    Raises:
        RuleEvaluationError: two series have the same labels.
    """
    found = dict(pairs)
    if len(found) < len(pairs):
        raise RuleEvaluationError(
            "the result has several series with the same labels after applying the rule's labels"
        )
    return found
