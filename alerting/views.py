"""Rules and groups as the rules page and the Prometheus API show them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from alerting.book.book import AlertBook, OpenAlert
from alerting.checks.checks import ALERT_NAMES, HostCheckRegistry, rule_identity
from alerting.checks.queries import condition, fleet_checks
from alerting.evaluator import GroupRunner
from alerting.health import HealthBoard, RuleHealth
from alerting.rules.evaluation import rule_name
from alerting.rules.rules import AlertRule, RecordingRule, RuleGroup
from model.labels import Labels
from storage.api.alerts import AlertState

HOST_GROUP = "host checks"


class RuleKind(StrEnum):
    """The values are Prometheus's `type`."""

    ALERTING = "alerting"
    RECORDING = "recording"


@dataclass(frozen=True, slots=True)
class RuleView:
    """One rule.

    Attributes:
        kind: alerting or recording.
        name: the alert's or the recorded metric's.
        query: its PromQL.
        health: how its last evaluation went.
        labels, annotations: as written, templates unexpanded.
        alerts: its open alerts.
        for_ms, keep_firing_for_ms: how long it waits.
        recovery: PromQL under which it fires on, "" where there is none.
        hosts: instances that have this rule for themselves, empty for one of all hosts.
    """

    kind: RuleKind
    name: str
    query: str
    health: RuleHealth
    labels: Labels
    annotations: Labels = field(default_factory=Labels)
    alerts: tuple[OpenAlert, ...] = ()
    for_ms: int = 0
    keep_firing_for_ms: int = 0
    recovery: str = ""
    hosts: tuple[str, ...] = ()

    @property
    def state(self) -> AlertState:
        """The worst state of its alerts, INACTIVE without any."""
        states = {item.alert.state for item in self.alerts}
        worst_first = (AlertState.FIRING, AlertState.NO_DATA, AlertState.PENDING)
        return next((state for state in worst_first if state in states), AlertState.INACTIVE)


@dataclass(frozen=True, slots=True)
class GroupView:
    """A group: of a rule file, or the host checks.

    Attributes:
        name, file: `file` is "" for the host checks.
        interval_ms: how often it is evaluated.
        limit: see `RuleGroup`.
        rules: in order.
        evaluated_ms: when it was evaluated last, None before the first time.
        duration_ms: how long that took.
        missed: evaluations left out because the one before took too long.
    """

    name: str
    file: str
    interval_ms: int
    limit: int
    rules: tuple[RuleView, ...]
    evaluated_ms: int | None
    duration_ms: int
    missed: int


def rule_group_view(
    group: RuleGroup, runner: GroupRunner, book: AlertBook, board: HealthBoard
) -> GroupView:
    """Return a group of a rule file."""
    rules = [
        _recording_view(rule, board[rule_name(group, position)])
        if isinstance(rule, RecordingRule)
        else _alerting_view(rule, board[rule_name(group, position)], book)
        for position, rule in enumerate(group.rules)
    ]
    return _group(group.name, group.file, group.limit, rules, runner)


def _group(
    name: str, file: str, limit: int, rules: Iterable[RuleView], runner: GroupRunner
) -> GroupView:
    return GroupView(
        name=name,
        file=file,
        interval_ms=runner.interval_ms,
        limit=limit,
        rules=tuple(rules),
        evaluated_ms=runner.evaluated_ms,
        duration_ms=runner.duration_ms,
        missed=runner.missed,
    )


def _recording_view(rule: RecordingRule, health: RuleHealth) -> RuleView:
    return RuleView(RuleKind.RECORDING, rule.name, rule.expression, health, rule.labels)


def _alerting_view(rule: AlertRule, health: RuleHealth, book: AlertBook) -> RuleView:
    return RuleView(
        kind=RuleKind.ALERTING,
        name=rule.name,
        query=rule.expression,
        health=health,
        labels=Labels.of({name: text.source for name, text in rule.labels.items()}),
        annotations=Labels.of({name: text.source for name, text in rule.annotations.items()}),
        alerts=tuple(book.open_alerts(rule.identity)),
        for_ms=rule.timing.for_ms,
        keep_firing_for_ms=rule.timing.keep_firing_for_ms,
        recovery=rule.recovery or "",
    )


def host_group_view(
    registry: HostCheckRegistry, runner: GroupRunner, book: AlertBook, board: HealthBoard
) -> GroupView:
    """Return the host checks: a rule for each severity and each group of equal settings.

    Their PromQL says what they mean; what is evaluated is the part before the
    comparison, once for all hosts.
    """
    apart = {(override.check, override.instance) for override in registry.overrides}
    rules = []
    for fleet in fleet_checks(registry.settings, registry.overrides):
        check = fleet.check
        identity = rule_identity(check.check)
        for severity in check.severities:
            alerts = [
                item
                for item in book.open_alerts(identity)
                if item.alert.labels.get("severity") == severity
                and _belongs(item.alert.labels.get("instance"), check.check, fleet.instances, apart)
            ]
            query = condition(registry.settings, check, severity, fleet.matchers)
            usage, operator, _ = query.rpartition(" > ")
            rules.append(
                RuleView(
                    kind=RuleKind.ALERTING,
                    name=ALERT_NAMES[check.check],
                    query=query,
                    health=board[identity],
                    labels=Labels.of(severity=severity.value),
                    alerts=tuple(alerts),
                    for_ms=check.timing.for_ms,
                    keep_firing_for_ms=check.timing.keep_firing_for_ms,
                    recovery=f"{usage} >= {check.recovery_of(severity):g}" if operator else "",
                    hosts=fleet.instances,
                )
            )
    return _group(HOST_GROUP, "", 0, rules, runner)


def _belongs(
    instance: str, check: str, instances: tuple[str, ...], apart: set[tuple[str, str]]
) -> bool:
    return instance in instances if instances else (check, instance) not in apart
