"""The protocol of an exchange of requests and answers with a service."""

import json
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from alerting.errors import DeliveryError
from alerting.receivers.clients import ReceiverAnswer
from alerting.receivers.rendered import NotificationTexts
from alerting.receivers.request_values import ReceiverRequest
from alerting.receivers.webhook_body import WebhookBody

SendRequest = Callable[[ReceiverRequest], Awaitable[ReceiverAnswer]]
"""Sends a request; raises DeliveryError unless the answer is a success."""


class Exchange(Protocol):
    """Sends one notification in several requests."""

    async def __call__(
        self, own: Any, body: WebhookBody, texts: NotificationTexts, send: SendRequest
    ) -> None:
        """Send a notification with the settings of a section.

        Raises:
            DeliveryError: the service did not accept it.
        """


def answered(answer: ReceiverAnswer, service: str) -> dict[str, Any]:
    """Return the JSON object that a service answered.

    Raises:
        DeliveryError: it answered something else.
    """
    try:
        document = json.loads(answer.body or b"{}")
    except ValueError as exc:
        raise DeliveryError(f"{service} answers no JSON", retryable=False) from exc
    if not isinstance(document, dict):
        raise DeliveryError(f"{service} answers no JSON object", retryable=False)
    return document
