"""The webhook body of a group of alerts, as Alertmanager writes it."""

from collections.abc import Sequence

from alerting.receivers.webhook_body import NotificationStatus, WebhookAlert, WebhookBody, rfc3339
from alerting.routing.alerts import RoutedAlert
from alerting.routing.dispatcher import DueNotification
from model.labels import Labels


def group_body(notification: DueNotification, external_url: str, most: int = 0) -> WebhookBody:
    """Return the body that reports a group to one receiver.

    Args:
        notification: what is due.
        external_url: this server's URL for people.
        most: the most alerts in the body, 0 for all.
    """
    alerts = notification.alerts
    shown = alerts[:most] if most else alerts
    # Alertmanager describes the alerts that it shows, not those that it leaves out.
    firing = any(alert.ends_ms is None for alert in shown)
    return WebhookBody(
        receiver=notification.integration.receiver,
        status=NotificationStatus.FIRING if firing else NotificationStatus.RESOLVED,
        alerts=tuple(_alert(alert, external_url) for alert in shown),
        notification_reason=notification.reason.value,
        group_labels=dict(notification.group_labels),
        common_labels=_common([alert.labels for alert in shown]),
        common_annotations=_common([alert.annotations for alert in shown]),
        external_url=external_url,
        group_key=notification.group_key,
        truncated_alerts=len(alerts) - len(shown),
    )


def _alert(alert: RoutedAlert, external_url: str) -> WebhookAlert:
    status = NotificationStatus.FIRING if alert.ends_ms is None else NotificationStatus.RESOLVED
    return WebhookAlert(
        status=status,
        labels=dict(alert.labels),
        annotations=dict(alert.annotations),
        starts_at=rfc3339(alert.starts_ms),
        ends_at=rfc3339(alert.ends_ms),
        generator_url=alert.generator_url or (external_url if alert.alert_id else ""),
        fingerprint=alert.fingerprint,
    )


def _common(sets: Sequence[Labels]) -> dict[str, str]:
    if not sets:
        return {}
    common = set(sets[0]).intersection(*sets[1:])
    return {name: text for name, text in sets[0] if (name, text) in common}
