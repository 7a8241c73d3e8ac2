"""The type that the stages of the notification pipeline pass on."""

from dataclasses import dataclass

from alerting.receivers.webhook_body import NotificationStatus
from storage.api.alerts import Alert, AlertState

_STATUSES = {
    AlertState.FIRING: NotificationStatus.FIRING,
    AlertState.RESOLVED: NotificationStatus.RESOLVED,
}


@dataclass(frozen=True, slots=True)
class Notice:
    """One alert on its way to one receiver.

    Attributes:
        alert: the alert after a change of its state.
        status: whether the alert fires or is resolved.
        is_known: whether a notification has already reported that this alert fires.
        expression: the PromQL behind the alert.
        receiver: the receiver's name, "" before routing.
    """

    alert: Alert
    status: NotificationStatus
    is_known: bool
    expression: str = ""
    receiver: str = ""


def notice_of(alert: Alert, expression: str, *, is_known: bool) -> Notice | None:
    """Return the notice of a state change, None if no notification reports that state.

    Args:
        alert: the alert after the change.
        expression: the PromQL behind the alert.
        is_known: whether a notification has already reported that the alert fires.
    """
    status = _STATUSES.get(alert.state)
    return None if status is None else Notice(alert, status, is_known, expression)
