"""Groups and rules with their health and alerts, for the rules page and Prometheus's API."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from alerting.book.alert_book import AlertBook
from alerting.book.identities import (
    PROBE_IDENTITY,
    SERVER_IDENTITY,
    check_identity,
    self_check_identity,
)
from alerting.book.observation import OpenAlert
from alerting.check_settings import HostCheckSettings, LagSettings
from alerting.checks.host_check import HostCheck
from alerting.checks.probe_failures import PROBE_ALERT, PROBE_EXPRESSION
from alerting.checks.queries import (
    CheckVariant,
    alert_expression,
    check_variants,
    recovery_expression,
)
from alerting.checks.registry import HostCheckRegistry
from alerting.checks.server_conditions import SERVER_ALERT, SERVER_EXPRESSION
from alerting.evaluation.health import HealthBoard, RuleHealth
from alerting.evaluation.runner import GroupRunner
from alerting.rules.definitions import AlertingRule, RecordingRule, RuleGroup, Templates
from alerting.rules.group_evaluation import rule_name
from alerting.watching.self_checks import SELF_CHECKS, SelfCheck, lag_settings, severities
from storage.api.alerts import AlertState, Severity

HOST_GROUP = "host checks"
SERVER_GROUP = "server checks"


class RuleKind(StrEnum):
    """The kind of a rule; the values are Prometheus's `type`."""

    ALERTING = "alerting"
    RECORDING = "recording"


@dataclass(frozen=True, slots=True)
class CheckView:
    """One check of one host, with the PromQL conditions of its alerts."""

    check: HostCheck
    conditions: dict[Severity, str]


@dataclass(frozen=True, slots=True)
class RuleView:
    """One rule.

    Attributes:
        kind: alerting or recording.
        name: the name of the alert or of the recorded metric.
        query: its PromQL.
        health: the outcome of its last evaluation.
        labels, annotations: as written, templates unexpanded.
        alerts: its open alerts.
        for_ms, keep_firing_for_ms: its waiting times.
        recovery: PromQL; its alerts keep firing while it holds. "" for none.
        hosts: the instances with other settings that this host check applies to; empty for
            the check of all other hosts, and for rules of rule files.
    """

    kind: RuleKind
    name: str
    query: str
    health: RuleHealth
    labels: Mapping[str, str]
    annotations: Mapping[str, str] = field(default_factory=dict)
    alerts: tuple[OpenAlert, ...] = ()
    for_ms: int = 0
    keep_firing_for_ms: int = 0
    recovery: str = ""
    hosts: tuple[str, ...] = ()

    @property
    def state(self) -> AlertState:
        """The worst state of its alerts, INACTIVE if it has none."""
        states = {item.alert.state for item in self.alerts}
        worst_first = (AlertState.FIRING, AlertState.NO_DATA, AlertState.PENDING)
        return next((state for state in worst_first if state in states), AlertState.INACTIVE)


@dataclass(frozen=True, slots=True)
class GroupView:
    """A group of a rule file, or the group of the host checks.

    Attributes:
        name: the group's name.
        file: the path of the rule file, "" for the host checks.
        interval_ms: how often it is evaluated.
        limit: see `RuleGroup`.
        rules: in order.
        evaluated_ms: the time of the last evaluation, None before the first.
        duration_ms: how long it took.
        missed: evaluations skipped because the one before took too long.
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
    """Return the view of a group of a rule file."""
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


def _sources(templates: Templates) -> dict[str, str]:
    return {name: template.source for name, template in sorted(templates.items())}


def _alerting_view(rule: AlertingRule, health: RuleHealth, book: AlertBook) -> RuleView:
    return RuleView(
        kind=RuleKind.ALERTING,
        name=rule.name,
        query=rule.expression,
        health=health,
        labels=_sources(rule.labels),
        annotations=_sources(rule.annotations),
        alerts=tuple(book.open_alerts(rule.identity)),
        for_ms=rule.timing.for_ms,
        keep_firing_for_ms=rule.timing.keep_firing_for_ms,
        recovery=rule.recovery or "",
    )


def host_group_view(
    registry: HostCheckRegistry, runner: GroupRunner, book: AlertBook, board: HealthBoard
) -> GroupView:
    """Return the view of the host checks: a rule for each severity of each `CheckVariant`.

    The PromQL of a rule is its whole condition. The evaluation queries only the part
    before the comparison, once for all hosts.
    """
    rules = []
    for variant in check_variants(registry.settings, registry.own):
        check = variant.check
        identity = check_identity(check.check)
        for severity in check.severities:
            alerts = [
                item
                for item in book.open_alerts(identity)
                if item.alert.labels.get("severity") == severity
                and _belongs(item.alert.labels.get("instance"), variant, registry)
            ]
            query = alert_expression(registry.settings, check, severity, variant.matchers)
            recovery = recovery_expression(registry.settings, check, severity, variant.matchers)
            rules.append(
                RuleView(
                    kind=RuleKind.ALERTING,
                    name=check.kind.alert,
                    query=query,
                    health=board[identity],
                    labels={"severity": severity.value},
                    alerts=tuple(alerts),
                    for_ms=check.timing.for_ms,
                    keep_firing_for_ms=check.timing.keep_firing_for_ms,
                    recovery=recovery,
                    hosts=variant.instances,
                )
            )
    return _group(HOST_GROUP, "", 0, rules, runner)


def server_group_view(
    settings: HostCheckSettings, runner: GroupRunner, book: AlertBook, board: HealthBoard
) -> GroupView:
    """Return the view of the checks of the server itself."""
    rules = []
    for own_checks, name, query, identity in (
        (settings.server, SERVER_ALERT, SERVER_EXPRESSION, SERVER_IDENTITY),
        (settings.probes, PROBE_ALERT, PROBE_EXPRESSION, PROBE_IDENTITY),
    ):
        if own_checks.enabled:
            rules.append(
                RuleView(
                    kind=RuleKind.ALERTING,
                    name=name,
                    query=query,
                    health=board[identity],
                    labels={},
                    alerts=tuple(book.open_alerts(identity)),
                    for_ms=own_checks.for_ms,
                    keep_firing_for_ms=own_checks.keep_firing_for_ms,
                )
            )
    for check in SELF_CHECKS.values():
        own = lag_settings(settings, check.name)
        rules += [_lag_view(check, own, severity, book, board) for severity in severities(own)]
    return _group(SERVER_GROUP, "", 0, rules, runner)


def _lag_view(
    check: SelfCheck, settings: LagSettings, severity: Severity, book: AlertBook, board: HealthBoard
) -> RuleView:
    identity = self_check_identity(check.name)
    alerts = [
        item for item in book.open_alerts(identity) if item.alert.labels.get("severity") == severity
    ]
    return RuleView(
        kind=RuleKind.ALERTING,
        name=check.alert,
        query=check.expression(settings, severity),
        health=board[identity],
        labels={"severity": severity.value},
        alerts=tuple(alerts),
        for_ms=settings.for_ms,
        keep_firing_for_ms=settings.keep_firing_for_ms,
    )


def _belongs(instance: str, variant: CheckVariant, registry: HostCheckRegistry) -> bool:
    """Return whether the alerts of a host are those of a variant."""
    if variant.instances:
        return instance in variant.instances
    return (instance, variant.check.check) not in registry.own
