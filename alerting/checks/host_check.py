"""A host check with the settings that apply to one host."""

import math
from dataclasses import dataclass

from alerting.book.lifecycle import Condition, RuleTiming
from alerting.check_settings import CheckName, HostCheckSettings
from alerting.checks.kinds import KINDS, CheckKind
from alerting.host_check_settings import DownSettings, EventSettings, ThresholdSettings
from storage.api.alerts import CheckOverride, Severity


@dataclass(frozen=True, slots=True)
class HostCheck:
    """One check as it applies to a host.

    Attributes:
        check: which check.
        enabled: whether it is on.
        warning, critical: thresholds in the unit of the check's kind, None for no such
            alert. A check of something that is wrong or not has neither.
        recovery: the value on whose other side the warning ends.
        timing: the waiting times.
        severity: the severity of its alert, for a check without thresholds.
        overridden: whether the host has settings of its own.
    """

    check: CheckName
    enabled: bool
    warning: float | None
    critical: float | None
    recovery: float | None
    timing: RuleTiming
    severity: Severity | None = None
    overridden: bool = False

    @property
    def kind(self) -> CheckKind:
        """The kind of the check."""
        return KINDS[self.check]

    @property
    def severities(self) -> tuple[Severity, ...]:
        """The severities of its alerts, the worst first; empty while the check is off."""
        if not self.enabled:
            return ()
        if self.severity is not None:
            return (self.severity,)
        worst_first = (Severity.CRITICAL, Severity.WARNING)
        return tuple(severity for severity in worst_first if self.threshold(severity) is not None)

    def threshold(self, severity: Severity) -> float | None:
        """Return the threshold of the alert, None for a check without thresholds."""
        return self.critical if severity is Severity.CRITICAL else self.warning

    def recovery_of(self, severity: Severity) -> float:
        """Return the value at which the alert ends, equally far from both thresholds."""
        threshold, recovery = self.threshold(severity), self.recovery
        if threshold is None or recovery is None:
            return 0.0
        if severity is Severity.CRITICAL and self.warning is not None:
            return threshold - (self.warning - recovery)
        return recovery

    def least(self) -> float:
        """Return the value, times the kind's sign, above which some alert's condition holds."""
        if self.severity is not None:
            trips_above = self.kind.trips_above
            return 0.0 if trips_above is None else trips_above
        thresholds = [self.threshold(severity) for severity in self.severities]
        sign = self.kind.sign
        return min((sign * value for value in thresholds if value is not None), default=math.inf)

    def condition(self, severity: Severity, value: float) -> Condition:
        """Return whether the condition of an alert holds at a value."""
        sign, threshold = self.kind.sign, self.threshold(severity)
        if self.severity is not None:
            if value > self.least():
                return Condition.HOLDS
            return Condition.LINGERS if value > 0 else Condition.CLEAR
        if threshold is not None and sign * value > sign * threshold:
            return Condition.HOLDS
        recovered = sign * value < sign * self.recovery_of(severity)
        return Condition.CLEAR if recovered else Condition.LINGERS


def host_check(
    settings: HostCheckSettings, check: CheckName, override: CheckOverride | None = None
) -> HostCheck:
    """Return a check with the defaults, and with a host's override if one is given."""
    defaults = getattr(settings, check.value)
    enabled, for_ms = defaults.enabled, defaults.for_ms
    if override is not None:
        enabled = override.enabled
        for_ms = for_ms if override.for_s is None else round(override.for_s * 1000)
    warning = critical = recovery = severity = None
    match defaults:
        case ThresholdSettings():
            warning, critical, recovery = _thresholds(KINDS[check], defaults, override)
        case EventSettings():
            severity = defaults.severity
        case DownSettings():
            severity = Severity.CRITICAL
    timing = RuleTiming(
        for_ms, defaults.keep_firing_for_ms, settings.no_data_for_ms, settings.no_data_limit_ms
    )
    return HostCheck(
        check, enabled, warning, critical, recovery, timing, severity, override is not None
    )


def _thresholds(
    kind: CheckKind, defaults: ThresholdSettings, override: CheckOverride | None
) -> tuple[float | None, float | None, float]:
    """Return warning, critical and recovery.

    A recovery that is not overridden keeps its distance from the warning, or from the
    critical threshold if there is no warning, but is at least half of it: no value is below
    zero, and an alert with such a recovery would not end.
    """
    warning, critical, recovery = defaults.warning, defaults.critical, defaults.recovery
    if override is None:
        return warning, critical, recovery
    distance = _first(warning, critical) - recovery
    warning = warning if override.warning is None else override.warning
    critical = critical if override.critical is None else override.critical
    sign = kind.sign
    if warning is not None and critical is not None and sign * warning > sign * critical:
        # The defaults have changed since the override was made. The override wins.
        warning = critical = critical if override.critical is not None else warning
    first = _first(warning, critical)
    if override.recovery is not None:
        recovery = override.recovery
    else:
        recovery = max(first - distance, first / 2)
    recovery = max(recovery, first) if kind.falling else min(recovery, first)
    return warning, critical, max(recovery, 0.0)


def _first(warning: float | None, critical: float | None) -> float:
    return next((value for value in (warning, critical) if value is not None), 0.0)
