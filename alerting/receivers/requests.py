"""The HTTP requests of the receivers of an `alertmanager.yml`, by kind.

Source: Alertmanager 0.33, notify/.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from alerting.receivers import chat_requests, incident_requests
from alerting.receivers.rendered import NotificationTexts
from alerting.receivers.request_values import ReceiverRequest
from alerting.receivers.webhook_body import WebhookBody


async def webhook(own: Any, body: WebhookBody, texts: NotificationTexts) -> list[ReceiverRequest]:
    """Return the request of a webhook: Alertmanager's body, or the section's `payload`."""
    url = await texts.text(own.url)
    if own.payload is not None:
        return [ReceiverRequest(url, json=await texts.structure(own.payload))]
    return [ReceiverRequest(url, text=body.to_json())]


async def incidentio(
    own: Any, body: WebhookBody, texts: NotificationTexts
) -> list[ReceiverRequest]:
    """Return the request of incident.io's alert source: the body of a webhook, version 1."""
    headers = {}
    if own.alert_source_token:
        headers["Authorization"] = f"Bearer {own.alert_source_token}"
    message = body.model_dump(mode="json", by_alias=True) | {"version": "1"}
    return [ReceiverRequest(own.url, message, headers)]


RequestsOf = Callable[[Any, WebhookBody, NotificationTexts], Awaitable[Sequence[ReceiverRequest]]]
"""Returns the requests that send a notification with the settings of a section."""

REQUESTS: Mapping[str, RequestsOf] = {
    "discord": chat_requests.discord,
    "incidentio": incidentio,
    "mattermost": chat_requests.mattermost,
    "msteams": chat_requests.msteams,
    "msteamsv2": chat_requests.msteamsv2,
    "opsgenie": incident_requests.opsgenie,
    "pagerduty": incident_requests.pagerduty,
    "pushover": incident_requests.pushover,
    "rocketchat": chat_requests.rocketchat,
    "slack": chat_requests.slack,
    "sns": incident_requests.sns,
    "telegram": chat_requests.telegram,
    "victorops": incident_requests.victorops,
    "webex": chat_requests.webex,
    "webhook": webhook,
}
"""By kind, without those of `EXCHANGES`."""
