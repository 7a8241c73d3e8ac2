"""Host checks: what there is, and the settings that apply to each host."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from alerting.book.states import Timing
from alerting.errors import BadOverrideError
from alerting.settings import HostCheckSettings, UsageSettings
from storage.api.alerts import CheckOverride, Severity


class CheckName(StrEnum):
    """The checks; the values are those of `CheckOverride.check`."""

    DOWN = "down"
    CPU = "cpu"
    MEMORY = "memory"
    DISK = "disk"


ALERT_NAMES: Mapping[CheckName, str] = MappingProxyType(
    {
        CheckName.DOWN: "HostDown",
        CheckName.CPU: "HostHighCpu",
        CheckName.MEMORY: "HostHighMemory",
        CheckName.DISK: "HostDiskFilling",
    }
)


def rule_identity(check: CheckName) -> str:
    """Return the identity of a check's rule."""
    return f"host/{check.value}"


@dataclass(frozen=True, slots=True)
class HostCheck:
    """One check as it applies to a host.

    Attributes:
        check: which one.
        enabled: whether it is on.
        warning, critical: percent, None where there is no such alert. `down` has
            neither: it is critical.
        recovery: percent; the warning is over below it.
        timing: how long it waits.
        overridden: whether the host has settings of its own.
    """

    check: CheckName
    enabled: bool
    warning: float | None
    critical: float | None
    recovery: float | None
    timing: Timing
    overridden: bool = False

    @property
    def severities(self) -> tuple[Severity, ...]:
        """The alerts it has while it is on, the worst first."""
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
        """Return the percentage below which the alert is over: as far below either threshold."""
        threshold, recovery = self.threshold(severity), self.recovery
        if threshold is None or recovery is None:
            return 0.0
        if severity is Severity.CRITICAL and self.warning is not None:
            return threshold - (self.warning - recovery)
        return recovery


def host_check(
    settings: HostCheckSettings, check: CheckName, override: CheckOverride | None = None
) -> HostCheck:
    """Return a check with a host's own settings on top of the defaults."""
    chosen = getattr(settings, check.value)
    enabled, for_ms = chosen.enabled, chosen.for_ms
    if override is not None:
        enabled = override.enabled
        for_ms = for_ms if override.for_s is None else round(override.for_s * 1000)
    warning = critical = recovery = None
    if isinstance(chosen, UsageSettings):
        warning, critical, recovery = _thresholds(chosen, override)
    timing = Timing(
        for_ms, chosen.keep_firing_for_ms, settings.no_data_for_ms, settings.no_data_limit_ms
    )
    return HostCheck(check, enabled, warning, critical, recovery, timing, override is not None)


def _thresholds(
    defaults: UsageSettings, override: CheckOverride | None
) -> tuple[float | None, float | None, float]:
    """Return warning, critical and recovery; the recovery keeps its distance unless given."""
    warning, critical, recovery = defaults.warning, defaults.critical, defaults.recovery
    if override is None:
        return warning, critical, recovery
    distance = _lowest(warning, critical) - recovery
    warning = warning if override.warning is None else override.warning
    critical = critical if override.critical is None else override.critical
    if warning is not None and critical is not None and warning > critical:
        # The defaults changed since the host got its own: what it says itself counts.
        warning = critical = critical if override.critical is not None else warning
    lowest = _lowest(warning, critical)
    recovery = lowest - distance if override.recovery is None else override.recovery
    return warning, critical, min(max(recovery, 0.0), lowest)


def _lowest(warning: float | None, critical: float | None) -> float:
    return next((value for value in (warning, critical) if value is not None), 0.0)


def validate_override(settings: HostCheckSettings, override: CheckOverride) -> CheckName:
    """Return the check that an override is about.

    Raises:
        BadOverrideError: it names no check, or its numbers contradict each other or the
            defaults that they are laid over.
    """
    try:
        check = CheckName(override.check)
    except ValueError as exc:
        names = ", ".join(CheckName)
        raise BadOverrideError("check", f"{override.check!r} is none of {names}") from exc
    if not override.instance:
        raise BadOverrideError("instance", "must not be empty")
    if override.for_s is not None and not 0 <= override.for_s <= 86_400 * 365:
        raise BadOverrideError("for_s", "must be between 0 seconds and a year")
    given = {name: getattr(override, name) for name in ("warning", "critical", "recovery")}
    for name, value in given.items():
        if value is None:
            continue
        if check is CheckName.DOWN:
            raise BadOverrideError(name, "down has no thresholds")
        if not 0 <= value <= 100:
            raise BadOverrideError(name, "must be between 0 and 100 percent")
    if check is not CheckName.DOWN:
        _check_order(settings, check, override)
    return check


def _check_order(settings: HostCheckSettings, check: CheckName, override: CheckOverride) -> None:
    defaults: UsageSettings = getattr(settings, check.value)
    warning = defaults.warning if override.warning is None else override.warning
    critical = defaults.critical if override.critical is None else override.critical
    if warning is not None and critical is not None and warning > critical:
        field = "warning" if override.warning is not None else "critical"
        raise BadOverrideError(field, f"warning {warning:g} is above critical {critical:g}")
    lowest = warning if warning is not None else critical
    if override.recovery is not None and lowest is not None and override.recovery > lowest:
        raise BadOverrideError("recovery", f"is above the threshold {lowest:g}")


class HostCheckRegistry:
    """The checks of every host: the defaults, and what hosts have of their own."""

    def __init__(self, settings: HostCheckSettings) -> None:
        self.settings = settings
        self._defaults = {check: host_check(settings, check) for check in CheckName}
        self._own: dict[tuple[str, CheckName], HostCheck] = {}
        self._overrides: dict[tuple[str, CheckName], CheckOverride] = {}

    def reconfigure(self, settings: HostCheckSettings) -> None:
        """Take other defaults; what hosts have of their own is laid over them."""
        self.settings = settings
        self._defaults = {check: host_check(settings, check) for check in CheckName}
        for override in self.overrides:
            self.set_override(override)

    @property
    def overrides(self) -> list[CheckOverride]:
        """What hosts have of their own."""
        return list(self._overrides.values())

    def set_override(self, override: CheckOverride) -> None:
        """Let a host have settings of its own."""
        key = override.instance, CheckName(override.check)
        self._overrides[key] = override
        self._own[key] = host_check(self.settings, key[1], override)

    def remove_override(self, instance: str, check: CheckName) -> None:
        """Return a host's check to the defaults."""
        self._overrides.pop((instance, check), None)
        self._own.pop((instance, check), None)

    def check_of(self, instance: str, check: CheckName) -> HostCheck:
        """Return a check as it applies to a host."""
        return self._own.get((instance, check)) or self._defaults[check]
