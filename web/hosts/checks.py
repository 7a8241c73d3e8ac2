"""Host checks as the pages and the API show them, and the levels of figures."""

from collections.abc import Mapping
from dataclasses import dataclass

from alerting.check_settings import CheckName, HostCheckSettings
from alerting.checks.host_check import HostCheck, host_check
from storage.api.alerts import Severity
from web.services import Alerting


@dataclass(frozen=True, slots=True)
class HostCheckView:
    """One check of one host.

    Attributes:
        unit: the unit of the thresholds, "" for a check without.
        enabled, warning, critical, recovery, for_s: the settings in effect; None for no
            threshold.
        default: the settings of a host without its own.
        own: whether the host has its own settings.
        conditions: the PromQL of its alerts by severity.
    """

    check: str
    title: str
    unit: str
    enabled: bool
    warning: float | None
    critical: float | None
    recovery: float | None
    for_s: float
    default: HostCheck
    own: bool
    conditions: Mapping[Severity, str]


def checks_of(
    instance: str, alerting: Alerting, settings: HostCheckSettings
) -> tuple[HostCheckView, ...]:
    """Return all checks of a host."""
    return tuple(
        HostCheckView(
            check=view.check.check.value,
            title=view.check.kind.title,
            unit=view.check.kind.unit.value if view.check.kind.has_thresholds else "",
            enabled=view.check.enabled,
            warning=view.check.warning,
            critical=view.check.critical,
            recovery=view.check.recovery,
            for_s=view.check.timing.for_ms / 1000,
            default=host_check(settings, view.check.check),
            own=view.check.overridden,
            conditions=view.conditions,
        )
        for view in alerting.check_settings(instance)
    )


class Levels:
    """The severity of a figure by the host's thresholds, for its colour on the page."""

    def __init__(self, alerting: Alerting) -> None:
        self._alerting = alerting

    def of(self, instance: str, check: str, ratio: float | None) -> str:
        """Return the severity of a check's figure: "critical", "warning", or "" for neither."""
        if ratio is None:
            return ""
        applied = self._alerting.check_of(instance, CheckName(check))
        for severity in applied.severities:
            threshold = applied.threshold(severity)
            if threshold is not None and ratio * 100 > threshold:
                return severity.value
        return ""
