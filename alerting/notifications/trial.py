"""The notification with which an operator tries a receiver."""

from alerting.receivers.webhook_body import NotificationStatus, webhook_body
from model.labels import Labels
from storage.api.alerts import Alert, AlertState, Severity


def trial_body(receiver: str, external_url: str, now_ms: int) -> str:
    """Return a notification body that says it is a test."""
    alert = Alert(
        id=0,
        rule="test",
        labels=Labels.of(alertname="RedshankTest", severity=Severity.WARNING.value),
        annotations=Labels.of(
            summary="Test of this receiver",
            description="Nothing is wrong: somebody tested this receiver.",
        ),
        state=AlertState.FIRING,
        value=1.0,
        active_ms=now_ms,
        changed_ms=now_ms,
        fired_ms=now_ms,
    )
    return webhook_body(alert, NotificationStatus.FIRING, receiver, "", external_url).to_json()
