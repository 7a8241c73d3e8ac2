"""The state of one alert, as a pure function of what was and what is seen now.

`inactive → pending → firing → resolved`, and *no data* beside them. See
docs/alerting.md for the table in words. A notice is due exactly when an alert that had
not fired becomes firing, and when one that had fired becomes resolved: coming back from
*no data* tells nobody anything.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from storage.api.alerts import AlertState


class Sight(StrEnum):
    """What an evaluation saw of one alert."""

    HOLDS = "holds"
    """The condition holds."""
    LINGERS = "lingers"
    """The condition does not hold, but it has not recovered either (hysteresis)."""
    CLEAR = "clear"
    """Neither: all is well."""
    MISSING = "missing"
    """There is no value to judge by."""
    WITHDRAWN = "withdrawn"
    """The rule, the check or the host is no more."""


class Notice(StrEnum):
    """What receivers are to be told; the values are Alertmanager's `status`."""

    FIRING = "firing"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Timing:
    """How patient a rule is.

    Attributes:
        for_ms: how long the condition must hold before the alert fires.
        keep_firing_for_ms: how long it fires on after the condition recovered.
        no_data_for_ms: how long it waits for a missing value.
        no_data_limit_ms: how long a fired alert stays in *no data* before it ends.
    """

    for_ms: int = 0
    keep_firing_for_ms: int = 0
    no_data_for_ms: int = 0
    no_data_limit_ms: int = 86_400_000


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one alert stands.

    Attributes:
        state: never RESOLVED for long: what is seen next begins a new alert.
        active_ms: when the condition first held, 0 while it never did.
        fired_ms: when receivers were told, None if they were not.
        quiet_ms: since when a firing alert's condition is over, None while it is not.
        missing_ms: since when there is no value, None while there is one.
    """

    state: AlertState = AlertState.INACTIVE
    active_ms: int = 0
    fired_ms: int | None = None
    quiet_ms: int | None = None
    missing_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """Where an alert stands after an evaluation, and what receivers are to be told."""

    standing: Standing
    notice: Notice | None = None


INACTIVE = Standing()


def step(standing: Standing, sight: Sight, timing: Timing, now_ms: int, *, held: bool) -> Step:
    """Return where the alert stands now.

    Args:
        standing: where it stood.
        sight: what this evaluation saw.
        timing: the rule's patience.
        now_ms: the evaluation's time. Going back counts as no time passing.
        held: another alert speaks for this one: it neither fires nor loses its data.
    """
    if standing.state is AlertState.RESOLVED:
        standing = INACTIVE
    match sight:
        case Sight.WITHDRAWN:
            return _end(standing)
        case Sight.MISSING:
            return _missing(standing, timing, now_ms, held=held)
        case Sight.HOLDS:
            return _holds(standing, timing, now_ms, held=held)
        case Sight.LINGERS if standing.fired_ms is not None:
            return Step(_firing(standing))
        case _:
            return _clear(standing, timing, now_ms)


def _firing(standing: Standing) -> Standing:
    return replace(standing, state=AlertState.FIRING, quiet_ms=None, missing_ms=None)


def _end(standing: Standing) -> Step:
    """End an alert: resolved if anybody was told of it, else as if it never was."""
    if standing.fired_ms is None:
        return Step(INACTIVE)
    resolved = replace(standing, state=AlertState.RESOLVED, quiet_ms=None, missing_ms=None)
    return Step(resolved, Notice.RESOLVED)


def _holds(standing: Standing, timing: Timing, now_ms: int, *, held: bool) -> Step:
    if standing.fired_ms is not None:
        return Step(_firing(standing))
    pending = standing.state is AlertState.PENDING
    active_ms = standing.active_ms if pending else now_ms
    if held or now_ms - active_ms < timing.for_ms:
        return Step(Standing(AlertState.PENDING, active_ms))
    return Step(Standing(AlertState.FIRING, active_ms, now_ms), Notice.FIRING)


def _clear(standing: Standing, timing: Timing, now_ms: int) -> Step:
    if standing.fired_ms is None:
        return Step(INACTIVE)
    quiet_ms = now_ms if standing.quiet_ms is None else standing.quiet_ms
    if now_ms - quiet_ms < timing.keep_firing_for_ms:
        return Step(replace(_firing(standing), quiet_ms=quiet_ms))
    return _end(standing)


def _missing(standing: Standing, timing: Timing, now_ms: int, *, held: bool) -> Step:
    pending = standing.state is AlertState.PENDING
    if held and not pending:
        # Nobody can tell how it is, and another alert speaks: the wait has not begun.
        return Step(replace(standing, missing_ms=None))
    missing_ms = now_ms if standing.missing_ms is None else standing.missing_ms
    missing_for_ms = now_ms - missing_ms
    waiting = replace(standing, missing_ms=missing_ms)
    if standing.state is AlertState.NO_DATA:
        expired = standing.fired_ms is not None and missing_for_ms >= timing.no_data_limit_ms
        return _end(standing) if expired else Step(waiting)
    if missing_for_ms < timing.no_data_for_ms:
        return Step(waiting)
    if held:
        # Pending on a guess for so long: what holds when the data return starts afresh.
        return Step(INACTIVE)
    # Counted from here, as it is after a restart.
    return Step(replace(standing, state=AlertState.NO_DATA, missing_ms=now_ms))
