"""The receiver that writes notifications to the server's log."""

import structlog

from alerting.receivers.webhook_body import WebhookBody, plain_text

log = structlog.get_logger(__name__)


class LogReceiver:
    """Writes one line for each notification."""

    async def send(self, body: str) -> None:
        """See `Receiver.send`."""
        notification = WebhookBody.model_validate_json(body)
        title, _ = plain_text(notification)
        log.info(
            "alert_notification",
            title=title,
            status=notification.status.value,
            labels=dict(notification.common_labels),
        )
