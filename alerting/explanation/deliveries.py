"""The outcome of a notification."""

from alerting.explanation.sentences import Reason, Sentence, sentence, time_text
from storage.api.alerts import Notification


def delivery_sentence(notification: Notification) -> Sentence:
    """Return whether a notification was delivered, waits, or was given up."""
    to, error = notification.receiver, notification.last_error
    if notification.delivered_ms is not None:
        at = time_text(notification.delivered_ms)
        return sentence(Reason.DELIVERED, "%(to)s accepted a notification at %(at)s.", to=to, at=at)
    if notification.abandoned_ms is not None:
        at, attempts = time_text(notification.abandoned_ms), notification.attempts
        if not error:
            return sentence(
                Reason.DELIVERY_ABANDONED,
                "The delivery to %(to)s was given up at %(at)s, after %(attempts)s attempts.",
                to=to,
                at=at,
                attempts=attempts,
            )
        return sentence(
            Reason.DELIVERY_ABANDONED,
            "The delivery to %(to)s was given up at %(at)s, after %(attempts)s attempts. "
            "The last error: %(error)s",
            to=to,
            at=at,
            attempts=attempts,
            error=error,
        )
    at, attempt = time_text(notification.next_attempt_ms), notification.attempts + 1
    if not error:
        return sentence(
            Reason.DELIVERY_WAITS,
            "A notification to %(to)s waits for its attempt %(attempt)s at %(at)s.",
            to=to,
            attempt=attempt,
            at=at,
        )
    return sentence(
        Reason.DELIVERY_WAITS,
        "A notification to %(to)s waits for its attempt %(attempt)s at %(at)s. "
        "The last error: %(error)s",
        to=to,
        attempt=attempt,
        at=at,
        error=error,
    )
