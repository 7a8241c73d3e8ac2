"""Whom to tell of what: an alert and a notice become the receivers' notifications."""

from collections.abc import Sequence

from alerting.book.states import Notice
from alerting.notifications.documents import notification_document
from alerting.settings import ReceiverSettings
from model.labels import Labels
from storage.api.alerts import Alert, AlertState, NewNotification, Severity

_SEVERITIES = frozenset(severity.value for severity in Severity)


class Notifier:
    """Composes notifications for the receivers that are told of alerts."""

    def __init__(self, receivers: Sequence[ReceiverSettings], external_url: str) -> None:
        self.reconfigure(receivers, external_url)

    def reconfigure(self, receivers: Sequence[ReceiverSettings], external_url: str) -> None:
        """Compose for other receivers from now on."""
        self._receivers, self._external_url = receivers, external_url

    def compose(self, alert: Alert, notice: Notice, expression: str) -> tuple[NewNotification, ...]:
        """Return what each receiver that wants it is to be told."""
        return tuple(
            NewNotification(
                receiver.name,
                notification_document(
                    alert, notice, receiver.name, expression, self._external_url
                ).to_json(),
            )
            for receiver in self._receivers
            if _wants(receiver, alert, notice)
        )


def _wants(receiver: ReceiverSettings, alert: Alert, notice: Notice) -> bool:
    if notice is Notice.RESOLVED and not receiver.send_resolved:
        return False
    severity = alert.labels.get("severity")
    # A severity that is none of ours (`page`) is no reason to keep silent.
    return severity not in _SEVERITIES or Severity(severity) in receiver.severities


def trial_body(receiver: str, external_url: str, now_ms: int) -> str:
    """Return the body that shows whether a receiver takes notifications."""
    alert = Alert(
        id=0,
        rule="test",
        labels=Labels.of(alertname="RedshankTest", severity=Severity.WARNING.value),
        annotations=Labels.of(
            summary="Test of this receiver", description="Nothing is wrong. Somebody tried it."
        ),
        state=AlertState.FIRING,
        value=1.0,
        active_ms=now_ms,
        changed_ms=now_ms,
        fired_ms=now_ms,
    )
    return notification_document(alert, Notice.FIRING, receiver, "", external_url).to_json()
