"""Validation of check overrides: the settings that a host has for itself."""

from alerting.check_settings import CheckName, HostCheckSettings
from alerting.checks.kinds import KINDS, Unit
from alerting.errors import BadOverrideError
from alerting.host_check_settings import ThresholdSettings
from storage.api.alerts import CheckOverride

_MAX_FOR_S = 86_400 * 365


def validate_override(settings: HostCheckSettings, override: CheckOverride) -> CheckName:
    """Return the check of an override.

    Raises:
        BadOverrideError: there is no such check, a number is out of range, or the
            numbers contradict each other or the defaults.
    """
    try:
        check = CheckName(override.check)
    except ValueError as exc:
        names = ", ".join(CheckName)
        raise BadOverrideError("check", f"{override.check!r} is none of {names}") from exc
    if not override.instance:
        raise BadOverrideError("instance", "must not be empty")
    if override.for_s is not None and not 0 <= override.for_s <= _MAX_FOR_S:
        raise BadOverrideError("for_s", "must be between 0 seconds and a year")
    kind = KINDS[check]
    given = {name: getattr(override, name) for name in ("warning", "critical", "recovery")}
    for name, value in given.items():
        if value is None:
            continue
        if not kind.has_thresholds:
            raise BadOverrideError(name, f"{check} has no thresholds")
        if not 0 <= value <= kind.most:
            unit = " percent" if kind.unit is Unit.PERCENT else ""
            raise BadOverrideError(name, f"must be between 0 and {kind.most:g}{unit}")
    if kind.has_thresholds:
        _validate_order(getattr(settings, check.value), override)
    return check


def _validate_order(defaults: ThresholdSettings, override: CheckOverride) -> None:
    sign, side = (-1, "below") if defaults.falling else (1, "above")
    warning = defaults.warning if override.warning is None else override.warning
    critical = defaults.critical if override.critical is None else override.critical
    if warning is not None and critical is not None and sign * warning > sign * critical:
        field = "warning" if override.warning is not None else "critical"
        raise BadOverrideError(field, f"warning {warning:g} is {side} critical {critical:g}")
    first = warning if warning is not None else critical
    recovery = override.recovery
    if recovery is not None and first is not None and sign * recovery > sign * first:
        raise BadOverrideError("recovery", f"is {side} the threshold {first:g}")
