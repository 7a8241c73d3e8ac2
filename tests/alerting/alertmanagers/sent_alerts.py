"""Alerts of our own, for the tests of what Alertmanagers get."""

from model.labels import Labels
from storage.api.alerts import Alert, AlertState

T0 = 1_700_000_000_000


def alert(number: int, *, fired_s: float | None = 0, resolved_s: float | None = None) -> Alert:
    """Return an alert of the rule `g/Down`; times are seconds after `T0`."""
    fired_ms = None if fired_s is None else T0 + round(fired_s * 1000)
    resolved_ms = None if resolved_s is None else T0 + round(resolved_s * 1000)
    state = AlertState.PENDING if fired_ms is None else AlertState.FIRING
    return Alert(
        id=number,
        rule="g/Down",
        labels=Labels.of(alertname="Down", host=str(number)),
        annotations=Labels.of(summary="down"),
        state=state if resolved_ms is None else AlertState.RESOLVED,
        value=1.0,
        active_ms=T0,
        changed_ms=T0,
        fired_ms=fired_ms,
        resolved_ms=resolved_ms,
    )
