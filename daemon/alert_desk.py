"""Alerting as the web application asks for it."""

from collections.abc import Sequence

from alerting.checks import CheckName, host_check
from alerting.service import AlertingService
from alerting.settings import HostCheckSettings
from alerting.views import GroupView, RuleKind, RuleView
from storage.api.alerts import Alert, CheckOverride
from web.services import CheckDefault, RuleGroupView
from web.services import RuleView as WebRuleView

_TITLES = {
    CheckName.DOWN: "Host down",
    CheckName.CPU: "CPU",
    CheckName.MEMORY: "Memory",
    CheckName.DISK: "Disk",
}


class AlertDesk:
    """What people do to alerts, and the rules as pages show them."""

    def __init__(self, alerting: AlertingService) -> None:
        self._alerting = alerting

    async def acknowledge(self, alert_id: int, user: str, now_ms: int) -> Alert:
        """See `web.services.AlertActions`; the service has a clock of its own."""
        del now_ms
        return await self._alerting.acknowledge(alert_id, user)

    async def set_override(self, override: CheckOverride) -> None:
        """See `web.services.AlertActions`."""
        await self._alerting.set_override(override)

    async def remove_override(self, instance: str, check: str) -> None:
        """See `web.services.AlertActions`."""
        await self._alerting.remove_override(instance, check)

    def rule_groups(self) -> Sequence[RuleGroupView]:
        """Return every group, the host checks first."""
        return [_group(group) for group in self._alerting.rules()]


def _group(group: GroupView) -> RuleGroupView:
    return RuleGroupView(
        name=group.name,
        file=group.file,
        interval_s=group.interval_ms / 1000,
        rules=tuple(_rule(rule) for rule in group.rules),
        last_evaluation_ms=group.evaluated_ms,
        evaluation_s=group.duration_ms / 1000,
    )


def _rule(rule: RuleView) -> WebRuleView:
    return WebRuleView(
        name=rule.name,
        query=rule.query,
        alerting=rule.kind is RuleKind.ALERTING,
        labels=rule.labels,
        annotations=rule.annotations,
        for_s=rule.for_ms / 1000,
        keep_firing_for_s=rule.keep_firing_for_ms / 1000,
        health=rule.health.word,
        last_error=rule.health.error,
        last_evaluation_ms=rule.health.evaluated_ms,
        evaluation_s=rule.health.duration_ms / 1000,
    )


def check_defaults(settings: HostCheckSettings) -> tuple[CheckDefault, ...]:
    """Return the host checks as they stand for hosts without settings of their own."""
    checks = [host_check(settings, name) for name in CheckName]
    return tuple(
        CheckDefault(
            check=check.check.value,
            title=_TITLES[check.check],
            unit="" if check.check is CheckName.DOWN else "%",
            warning=check.warning,
            critical=check.critical,
            recovery=check.recovery,
            for_s=check.timing.for_ms / 1000,
        )
        for check in checks
        if check.enabled
    )
