"""A host check with the settings that apply to one host."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from alerting.book.lifecycle import RuleTiming
from alerting.check_settings import CheckName, HostCheckSettings, UsageSettings
from storage.api.alerts import CheckOverride, Severity

ALERT_NAMES: Mapping[CheckName, str] = MappingProxyType(
    {
        CheckName.DOWN: "HostDown",
        CheckName.CPU: "HostHighCpu",
        CheckName.MEMORY: "HostHighMemory",
        CheckName.DISK: "HostDiskFilling",
    }
)


@dataclass(frozen=True, slots=True)
class HostCheck:
    """One check as it applies to a host.

    Attributes:
        check: which check.
        enabled: whether it is on.
        warning, critical: thresholds in percent, None for no such alert. `down` has
            neither; its alert is critical.
        recovery: the percentage below which the warning ends.
        timing: the waiting times.
        overridden: whether the host has settings of its own.
    """

    check: CheckName
    enabled: bool
    warning: float | None
    critical: float | None
    recovery: float | None
    timing: RuleTiming
    overridden: bool = False

    @property
    def severities(self) -> tuple[Severity, ...]:
        """The severities of its alerts, the worst first; empty while the check is off."""
        if not self.enabled:
            return ()
        if self.check is CheckName.DOWN:
            return (Severity.CRITICAL,)
        worst_first = (Severity.CRITICAL, Severity.WARNING)
        return tuple(severity for severity in worst_first if self.threshold(severity) is not None)

    def threshold(self, severity: Severity) -> float | None:
        """Return the percentage above which the alert's condition holds."""
        return self.critical if severity is Severity.CRITICAL else self.warning

    def recovery_of(self, severity: Severity) -> float:
        """Return the percentage below which the alert ends, equally far below both thresholds."""
        threshold, recovery = self.threshold(severity), self.recovery
        if threshold is None or recovery is None:
            return 0.0
        if severity is Severity.CRITICAL and self.warning is not None:
            return threshold - (self.warning - recovery)
        return recovery


def host_check(
    settings: HostCheckSettings, check: CheckName, override: CheckOverride | None = None
) -> HostCheck:
    """Return a check with the defaults, and with a host's override if one is given."""
    defaults = getattr(settings, check.value)
    enabled, for_ms = defaults.enabled, defaults.for_ms
    if override is not None:
        enabled = override.enabled
        for_ms = for_ms if override.for_s is None else round(override.for_s * 1000)
    warning = critical = recovery = None
    if isinstance(defaults, UsageSettings):
        warning, critical, recovery = _thresholds(defaults, override)
    timing = RuleTiming(
        for_ms, defaults.keep_firing_for_ms, settings.no_data_for_ms, settings.no_data_limit_ms
    )
    return HostCheck(check, enabled, warning, critical, recovery, timing, override is not None)


def _thresholds(
    defaults: UsageSettings, override: CheckOverride | None
) -> tuple[float | None, float | None, float]:
    """Return warning, critical and recovery.

    A recovery that is not overridden keeps its distance from the lowest threshold.
    """
    warning, critical, recovery = defaults.warning, defaults.critical, defaults.recovery
    if override is None:
        return warning, critical, recovery
    distance = _lowest(warning, critical) - recovery
    warning = warning if override.warning is None else override.warning
    critical = critical if override.critical is None else override.critical
    if warning is not None and critical is not None and warning > critical:
        # The defaults have changed since the override was made. The override wins.
        warning = critical = critical if override.critical is not None else warning
    lowest = _lowest(warning, critical)
    recovery = lowest - distance if override.recovery is None else override.recovery
    return warning, critical, min(max(recovery, 0.0), lowest)


def _lowest(warning: float | None, critical: float | None) -> float:
    return next((value for value in (warning, critical) if value is not None), 0.0)
