"""Builders of alerts for the tests of the records."""

from dataclasses import replace

from model.labels import Labels
from storage.api.alerts import (
    Alert,
    AlertChange,
    AlertState,
    NewNotification,
)
from storage.records.alerts import SqliteAlerts

NOW_MS = 1_700_000_000_000
INACTIVE, PENDING, FIRING, NO_DATA, RESOLVED = AlertState


def new_alert(instance: str = "web-1:9100", state: AlertState = PENDING) -> Alert:
    return Alert(
        id=0,
        rule="host/cpu",
        labels=Labels.of(alertname="HostHighCpu", instance=instance, severity="warning"),
        annotations=Labels.of(summary="CPU at 91 %"),
        state=state,
        value=91.5,
        active_ms=NOW_MS,
        changed_ms=NOW_MS,
    )


def moved(alert: Alert, state: AlertState, now_ms: int) -> AlertChange:
    fired_ms = now_ms if state is FIRING else alert.fired_ms
    resolved_ms = now_ms if state is RESOLVED else None
    after = replace(
        alert, state=state, changed_ms=now_ms, fired_ms=fired_ms, resolved_ms=resolved_ms
    )
    return AlertChange(after, alert.state)


async def opened(
    alerts: SqliteAlerts, instance: str = "web-1:9100", *notifications: NewNotification
) -> Alert:
    change = AlertChange(new_alert(instance), INACTIVE, notifications)
    [alert] = await alerts.record([change], NOW_MS)
    return alert
