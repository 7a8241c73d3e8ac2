"""Host checks as people see them: the default, the host's own settings, what holds."""

from collections.abc import Sequence
from dataclasses import dataclass

from storage.api.alerts import CheckOverride
from web.services import CheckDefault


@dataclass(frozen=True, slots=True)
class CheckView:
    """One check on one host.

    Attributes:
        enabled, warning, critical, recovery, for_s: what holds for this host.
        default: what holds without settings of its own.
        own: whether the host has settings of its own.
    """

    check: str
    title: str
    unit: str
    enabled: bool
    warning: float | None
    critical: float | None
    recovery: float | None
    for_s: float
    default: CheckDefault
    own: bool


def checks_of(
    instance: str, defaults: Sequence[CheckDefault], overrides: Sequence[CheckOverride]
) -> tuple[CheckView, ...]:
    """Return every check of a host, in the order of `defaults`."""
    own = {override.check: override for override in overrides if override.instance == instance}
    return tuple(_view(default, own.get(default.check)) for default in defaults)


def _view(default: CheckDefault, own: CheckOverride | None) -> CheckView:
    def pick(mine: float | None, general: float | None) -> float | None:
        # A check without thresholds (`down`) has none for any host.
        return general if mine is None or general is None else mine

    return CheckView(
        check=default.check,
        title=default.title,
        unit=default.unit,
        enabled=own.enabled if own else True,
        warning=pick(own.warning if own else None, default.warning),
        critical=pick(own.critical if own else None, default.critical),
        recovery=pick(own.recovery if own else None, default.recovery),
        for_s=default.for_s if own is None or own.for_s is None else own.for_s,
        default=default,
        own=own is not None,
    )


class Levels:
    """Tells how bad a figure is by the checks' default thresholds, for colouring only."""

    def __init__(self, defaults: Sequence[CheckDefault]) -> None:
        self._defaults = {default.check: default for default in defaults}

    def of(self, check: str, ratio: float | None) -> str:
        """Return "critical", "warning" or ""."""
        default = self._defaults.get(check)
        if default is None or ratio is None:
            return ""
        if default.critical is not None and ratio * 100 >= default.critical:
            return "critical"
        if default.warning is not None and ratio * 100 >= default.warning:
            return "warning"
        return ""
