"""JSON documents of alerts' history, notifications and receivers."""

from collections.abc import Mapping
from typing import Any

import orjson

# pydantic describes the standard library's TypedDict from Python 3.12 on only.
from typing_extensions import TypedDict

from storage.api.alerts import Alert, AlertState, Notification, Transition
from storage.api.routing import AlertHold
from web.fleet.documents import AlertDocument, finite


class AlertsDocument(TypedDict):
    """Alerts."""

    alerts: list[AlertDocument]


class TransitionDocument(TypedDict):
    """A change of an alert's state; an acknowledgement keeps the state.

    `lasted_s` is how long the state `after` lasted, null while it does. `comment` and
    `expires_ms` are the terms of an acknowledgement.
    """

    id: int
    alert_id: int
    rule: str
    labels: dict[str, str]
    before: AlertState
    after: AlertState
    time_ms: int
    value: float | None
    actor: str | None
    comment: str
    expires_ms: int | None
    lasted_s: float | None


class TransitionsDocument(TypedDict):
    """Changes of state, newest first."""

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


class HoldDocument(TypedDict):
    """A silence or maintenance window that held an alert back; `ends_ms` is null while it does."""

    silence_id: str
    maintenance: bool
    matchers: str
    created_by: str
    comment: str
    starts_ms: int
    ends_ms: int | None


class AlertWithHistoryDocument(AlertDocument):
    """An alert with its history, each part newest first.

    `fired_s` is how long it has fired, up to its end; null if it has not.
    """

    fired_s: float | None
    transitions: list[TransitionDocument]
    notifications: list[NotificationDocument]
    holds: list[HoldDocument]


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
        "comment": transition.comment,
        "expires_ms": transition.expires_ms,
        "lasted_s": _seconds_between(transition.time_ms, transition.ended_ms),
    }


def hold_document(hold: AlertHold) -> HoldDocument:
    """Return what held an alert back."""
    return {
        "silence_id": hold.silence_id,
        "maintenance": hold.is_maintenance,
        "matchers": hold.matchers,
        "created_by": hold.created_by,
        "comment": hold.comment,
        "starts_ms": hold.starts_ms,
        "ends_ms": hold.ends_ms,
    }


def fired_seconds(alert: Alert, now_ms: int) -> float | None:
    """Return how long an alert has fired, None if it has not."""
    if alert.fired_ms is None:
        return None
    ends_ms = now_ms if alert.is_open else alert.changed_ms
    return _seconds_between(alert.fired_ms, ends_ms)


def _seconds_between(start_ms: int, end_ms: int | None) -> float | None:
    return None if end_ms is None else max(0, end_ms - start_ms) / 1000


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
