"""The state machine of one alert, as a pure function.

`inactive → pending → firing → resolved`, and *no data* beside them; docs/alerting.md
describes the states and their transitions.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from storage.api.alerts import AlertState


class Condition(StrEnum):
    """Whether the condition of a rule holds, as one evaluation found it."""

    HOLDS = "holds"
    LINGERS = "lingers"
    """It does not hold, but the value has not recovered either (hysteresis)."""
    CLEAR = "clear"
    """It does not hold, and the value has recovered."""
    MISSING = "missing"
    """There is no value."""
    WITHDRAWN = "withdrawn"
    """The rule, the check or the host no longer exists."""


@dataclass(frozen=True, slots=True)
class RuleTiming:
    """The waiting times of a rule.

    Attributes:
        for_ms: how long the condition must hold before the alert fires.
        keep_firing_for_ms: how long the alert keeps firing after recovery.
        no_data_for_ms: how long the value must be missing before the alert is *no data*.
        no_data_limit_ms: how long an alert that has fired stays *no data* before it is
            resolved.
    """

    for_ms: int = 0
    keep_firing_for_ms: int = 0
    no_data_for_ms: int = 0
    no_data_limit_ms: int = 86_400_000


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """The state of one alert and the times that decide its next state.

    Attributes:
        state: the next condition after RESOLVED begins a new alert.
        active_ms: when the condition began to hold, 0 if it never did.
        fired_ms: when the alert fired, None if it has not.
        recovered_ms: when the condition of a firing alert cleared, None if it has not.
        missing_ms: since when there is no value, None while there is one.
    """

    state: AlertState = AlertState.INACTIVE
    active_ms: int = 0
    fired_ms: int | None = None
    recovered_ms: int | None = None
    missing_ms: int | None = None


INACTIVE = Lifecycle()


def advance(
    before: Lifecycle,
    condition: Condition,
    timing: RuleTiming,
    now_ms: int,
    *,
    suppressed: bool,
) -> Lifecycle:
    """Return the lifecycle after an evaluation.

    Args:
        before: the lifecycle before it.
        condition: the result of the evaluation.
        timing: the rule's waiting times.
        now_ms: the time of the evaluation; if it goes back, no time has passed.
        suppressed: the alert may neither fire nor become *no data*.
    """
    if before.state is AlertState.RESOLVED:
        before = INACTIVE
    match condition:
        case Condition.WITHDRAWN:
            return _end(before)
        case Condition.MISSING:
            return _missing(before, timing, now_ms, suppressed=suppressed)
        case Condition.HOLDS:
            return _holds(before, timing, now_ms, suppressed=suppressed)
        case Condition.LINGERS if before.fired_ms is not None:
            return _firing(before)
        case _:
            return _clear(before, timing, now_ms)


def _firing(before: Lifecycle) -> Lifecycle:
    return replace(before, state=AlertState.FIRING, recovered_ms=None, missing_ms=None)


def _end(before: Lifecycle) -> Lifecycle:
    """Return RESOLVED for an alert that has fired, else INACTIVE."""
    if before.fired_ms is None:
        return INACTIVE
    return replace(before, state=AlertState.RESOLVED, recovered_ms=None, missing_ms=None)


def _holds(before: Lifecycle, timing: RuleTiming, now_ms: int, *, suppressed: bool) -> Lifecycle:
    if before.fired_ms is not None:
        return _firing(before)
    pending = before.state is AlertState.PENDING
    active_ms = before.active_ms if pending else now_ms
    if suppressed or now_ms - active_ms < timing.for_ms:
        return Lifecycle(AlertState.PENDING, active_ms)
    return Lifecycle(AlertState.FIRING, active_ms, now_ms)


def _clear(before: Lifecycle, timing: RuleTiming, now_ms: int) -> Lifecycle:
    if before.fired_ms is None:
        return INACTIVE
    recovered_ms = now_ms if before.recovered_ms is None else before.recovered_ms
    if now_ms - recovered_ms < timing.keep_firing_for_ms:
        return replace(_firing(before), recovered_ms=recovered_ms)
    return _end(before)


def _missing(before: Lifecycle, timing: RuleTiming, now_ms: int, *, suppressed: bool) -> Lifecycle:
    pending = before.state is AlertState.PENDING
    if suppressed and not pending:
        # A host that is down cannot report: the wait for its data begins when it is up.
        return replace(before, missing_ms=None)
    missing_ms = now_ms if before.missing_ms is None else before.missing_ms
    missing_for_ms = now_ms - missing_ms
    waiting = replace(before, missing_ms=missing_ms)
    if before.state is AlertState.NO_DATA:
        expired = before.fired_ms is not None and missing_for_ms >= timing.no_data_limit_ms
        return _end(before) if expired else waiting
    if missing_for_ms < timing.no_data_for_ms:
        return waiting
    if suppressed:
        # Its `for` would include a time without data: it begins again with the data.
        return INACTIVE
    # `no_data_limit` counts from this transition, as it does after a restart.
    return replace(before, state=AlertState.NO_DATA, missing_ms=now_ms)
