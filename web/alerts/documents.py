"""JSON documents of alerts' history, notifications and receivers."""

from collections.abc import Mapping
from typing import Any

import orjson

# pydantic describes the standard library's TypedDict from Python 3.12 on only.
from typing_extensions import TypedDict

from storage.api.alerts import AlertState, Notification, Transition
from web.fleet.documents import AlertDocument, finite


class AlertsDocument(TypedDict):
    """Alerts."""

    alerts: list[AlertDocument]


class TransitionDocument(TypedDict):
    """A change of an alert's state; an acknowledgement keeps the state."""

    id: int
    alert_id: int
    rule: str
    labels: dict[str, str]
    before: AlertState
    after: AlertState
    time_ms: int
    value: float | None
    actor: str | None


class TransitionsDocument(TypedDict):
    """Changes of state, newest first."""

    transitions: list[TransitionDocument]


class AlertWithHistoryDocument(AlertDocument):
    """An alert with its changes of state, newest first."""

    transitions: list[TransitionDocument]


class NotificationDocument(TypedDict):
    """A notification to one receiver, sent or waiting.

    `status` is `firing` or `resolved`; `severity` is the alert's. Either is "" if unknown.
    `alert_id` is null for a group.
    """

    id: int
    alert_id: int | None
    status: str
    severity: str
    receiver: str
    created_ms: int
    next_attempt_ms: int
    attempts: int
    delivered_ms: int | None
    abandoned_ms: int | None
    last_error: str | None


class NotificationsDocument(TypedDict):
    """Notifications, newest first."""

    notifications: list[NotificationDocument]


class ReceiverDocument(TypedDict):
    """A receiver of notifications."""

    name: str
    type: str


class ReceiversDocument(TypedDict):
    """The receivers of notifications."""

    receivers: list[ReceiverDocument]


def transition_document(transition: Transition) -> TransitionDocument:
    """Return one change of an alert's state."""
    return {
        "id": transition.id,
        "alert_id": transition.alert_id,
        "rule": transition.rule,
        "labels": dict(transition.labels),
        "before": transition.before,
        "after": transition.after,
        "time_ms": transition.time_ms,
        "value": finite(transition.value),
        "actor": transition.actor,
    }


def notification_document(notification: Notification) -> NotificationDocument:
    """Return a notification without its body, which may contain secrets of the receiver."""
    return {
        "id": notification.id,
        "alert_id": notification.alert_id,
        "status": notified_status(notification),
        "severity": str(_common_labels(notification).get("severity", "")),
        "receiver": notification.receiver,
        "created_ms": notification.created_ms,
        "next_attempt_ms": notification.next_attempt_ms,
        "attempts": notification.attempts,
        "delivered_ms": notification.delivered_ms,
        "abandoned_ms": notification.abandoned_ms,
        "last_error": notification.last_error,
    }


def notified_status(notification: Notification) -> str:
    """Return whether a notification says `firing` or `resolved`; "" if its body is unreadable."""
    return str(_body(notification).get("status", ""))


def _common_labels(notification: Notification) -> Mapping[str, Any]:
    labels = _body(notification).get("commonLabels")
    return labels if isinstance(labels, dict) else {}


def _body(notification: Notification) -> Mapping[str, Any]:
    try:
        body = orjson.loads(notification.body)
    except orjson.JSONDecodeError:
        return {}
    return body if isinstance(body, dict) else {}
