"""The body of a group describes the alerts that it shows."""

from alerting.receivers.group_body import group_body
from alerting.receivers.webhook_body import NotificationStatus
from alerting.routing.alerts import RoutedAlert
from alerting.routing.configuration import Integration
from alerting.routing.dispatcher import DueNotification
from alerting.routing.notification_log import LogEntry, NotificationReason
from model.labels import Labels


def due(*alerts: RoutedAlert) -> DueNotification:
    entry = LogEntry("{}:{}", "ops/webhook[0]", 0, frozenset(), frozenset())
    integration = Integration("ops/webhook[0]", "ops", "webhook", send_resolved=True)
    return DueNotification(
        integration, "{}:{}", Labels(), alerts, NotificationReason.NEW_ALERTS, entry, 1000
    )


def alert(ends_ms: int | None = None, **labels: str) -> RoutedAlert:
    return RoutedAlert(Labels.of(labels), Labels.of(summary=labels["host"]), 0, ends_ms)


def test_common_labels_and_status_are_those_of_the_alerts_shown() -> None:
    group = due(alert(500, host="a", team="x"), alert(500, host="a", team="y"), alert(host="b"))
    body = group_body(group, "", most=2)
    assert body.common_labels == {"host": "a"}
    assert body.common_annotations == {"summary": "a"}
    assert (body.status, body.truncated_alerts) == (NotificationStatus.RESOLVED, 1)
    whole = group_body(group, "")
    assert (whole.status, whole.common_labels) == (NotificationStatus.FIRING, {})
