"""What became of a notification."""

from alerting.explanation.sentences import Reason, Sentence, time_text
from storage.api.alerts import Notification


def delivery_sentence(notification: Notification) -> Sentence:
    """Return whether a notification was delivered, waits, or was given up."""
    receiver = notification.receiver
    problem = f" The last error: {notification.last_error}" if notification.last_error else ""
    if notification.delivered_ms is not None:
        at = time_text(notification.delivered_ms)
        return Sentence(Reason.DELIVERED, f"{receiver} accepted a notification at {at}.")
    if notification.abandoned_ms is not None:
        at = time_text(notification.abandoned_ms)
        return Sentence(
            Reason.DELIVERY_ABANDONED,
            f"The delivery to {receiver} was given up at {at}, after "
            f"{notification.attempts} attempts.{problem}",
        )
    at = time_text(notification.next_attempt_ms)
    return Sentence(
        Reason.DELIVERY_WAITS,
        f"A notification to {receiver} waits for its attempt {notification.attempts + 1} at "
        f"{at}.{problem}",
    )
