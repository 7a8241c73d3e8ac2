"""The requests of receivers that open incidents.

Source: Alertmanager 0.33, notify/; the vendors' documentation of their APIs.
"""

from typing import Any
from urllib.parse import urlencode

from alerting.receivers.rendered import NotificationTexts
from alerting.receivers.request_values import (
    FORM,
    AwsSignature,
    ReceiverRequest,
    given,
    group_hash,
    is_firing,
    shortened,
)
from alerting.receivers.webhook_body import WebhookBody

_PUSHOVER_URL = "https://api.pushover.net/1/messages.json"
_PAGERDUTY_V1_URL = "https://events.pagerduty.com/generic/2010-04-15/create_event.json"
_PAGERDUTY_DETAILS = {
    "firing": "{{ .Alerts.Firing | toJson }}",
    "resolved": "{{ .Alerts.Resolved | toJson }}",
    "num_firing": "{{ .Alerts.Firing | len }}",
    "num_resolved": "{{ .Alerts.Resolved | len }}",
}


async def pushover(own: Any, body: WebhookBody, texts: NotificationTexts) -> list[ReceiverRequest]:
    """Return the request of Pushover's API; its parameters stand in the query."""
    message = shortened(await texts.text(own.message, html=own.html), 1024).strip()
    parameters = {
        "token": await texts.text(own.token),
        "user": await texts.text(own.user_key),
        "title": shortened(await texts.text(own.title), 250),
        # Pushover refuses an empty message.
        "message": message or "(no details)",
        "url": shortened(await texts.text(own.url), 512),
        "url_title": await texts.text(own.url_title),
        "priority": await texts.text(own.priority),
        "retry": own.retry // 1000,
        "expire": own.expire // 1000,
        "device": await texts.text(own.device),
        "sound": await texts.text(own.sound),
    }
    parameters |= {name: 1 for name in ("html", "monospace") if getattr(own, name)}
    if own.ttl >= 1000:
        parameters["ttl"] = own.ttl // 1000
    url = f"{_PUSHOVER_URL}?{urlencode(parameters)}"
    return [ReceiverRequest(url, content_type="text/plain")]


async def pagerduty(own: Any, body: WebhookBody, texts: NotificationTexts) -> list[ReceiverRequest]:
    """Return the request of PagerDuty's Events API: version 2, or 1 with a service key."""
    details = await texts.structure(_PAGERDUTY_DETAILS | own.details)
    client = {
        "client": await texts.text(own.client),
        "client_url": await texts.text(own.client_url),
    }
    description = shortened(await texts.text(own.description), 1024)
    if own.service_key:
        return [_pagerduty_v1(own, body, description, details, client)]
    payload = {
        "summary": description,
        "source": await texts.text(own.source or own.client),
        "severity": await texts.text(own.severity or "error"),
        "custom_details": details,
    }
    optional = {"class": own.class_name, "component": own.component, "group": own.group}
    payload |= given(await texts.texts(optional))
    images = [await texts.texts(each.model_dump()) for each in own.images]
    links = [await texts.texts(each.model_dump()) for each in own.links]
    message = {
        "routing_key": await texts.text(own.routing_key),
        "event_action": "trigger" if is_firing(body) else "resolve",
        "dedup_key": group_hash(body),
        "images": [each for each in images if each["src"]],
        "links": [each for each in links if each["href"]],
    }
    message = given(message | client) | {"payload": payload}
    return [ReceiverRequest(own.url, message)]


def _pagerduty_v1(
    own: Any, body: WebhookBody, description: str, details: Any, client: dict[str, str]
) -> ReceiverRequest:
    message: dict[str, Any] = {
        "service_key": own.service_key,
        "event_type": "trigger" if is_firing(body) else "resolve",
        "incident_key": group_hash(body),
        "description": description,
        "details": details,
    }
    if is_firing(body):
        message |= client
    # Alertmanager sends the two fields of version 2, empty.
    return ReceiverRequest(
        _PAGERDUTY_V1_URL, given(message) | {"event_action": "", "payload": None}
    )


async def opsgenie(own: Any, body: WebhookBody, texts: NotificationTexts) -> list[ReceiverRequest]:
    """Return the requests of Opsgenie's Alert API: an alert and its changes, or its end."""
    alias = group_hash(body)
    source = await texts.text(own.source)
    base = f"{own.api_url.rstrip('/')}/v2/alerts"
    headers = {"Authorization": f"GenieKey {await texts.text(own.api_key)}"}
    if not is_firing(body):
        url = f"{base}/{alias}/close?identifierType=alias"
        return [ReceiverRequest(url, {"source": source}, headers)]
    message = {
        "alias": alias,
        "message": shortened(await texts.text(own.message), 130),
        "details": dict(body.common_labels) | await texts.texts(own.details),
        "source": source,
    }
    optional = {
        "description": await texts.text(own.description),
        "responders": await _responders(own, texts),
        "tags": _listed(await texts.text(own.tags)),
        "actions": _listed(await texts.text(own.actions)),
        "note": await texts.text(own.note),
        "priority": await texts.text(own.priority),
        "entity": await texts.text(own.entity),
    }
    requests = [ReceiverRequest(base, message | given(optional), headers)]
    if own.update_alerts:
        for name in ("message", "description"):
            url = f"{base}/{alias}/{name}?identifierType=alias"
            change = given({name: (message | optional)[name]})
            requests.append(ReceiverRequest(url, change, headers, method="PUT"))
    return requests


async def _responders(own: Any, texts: NotificationTexts) -> list[dict[str, str]]:
    """Return the responders; `teams` names several, separated by commas."""
    found = []
    for each in own.responders:
        responder = given(await texts.texts(each.model_dump()))
        if responder.get("type") == "teams":
            names = _listed(responder.get("name", ""))
            found += [{"name": name, "type": "team"} for name in names]
        elif responder:
            found.append(responder)
    return found


def _listed(text: str) -> list[str]:
    return [part for part in text.strip().split(",") if part]


async def sns(own: Any, body: WebhookBody, texts: NotificationTexts) -> list[ReceiverRequest]:
    """Return the request of AWS SNS: the action Publish, signed."""
    topic = await texts.text(own.topic_arn)
    message = await texts.text(own.message)
    # A text message takes 1,600 characters; SNS counts the bytes of all others.
    most = 1600 if own.phone_number else 256 * 1024
    cut = message.encode()[:most].decode(errors="ignore")
    attributes = await texts.texts(
        {await texts.text(name): value for name, value in own.attributes.items()}
    )
    if cut != message:
        attributes["truncated"] = "true"
    parameters = {
        "Action": "Publish",
        "Version": "2010-03-31",
        "Message": cut,
        "Subject": await texts.text(own.subject),
        "TopicArn": topic,
        "PhoneNumber": await texts.text(own.phone_number),
        "TargetArn": await texts.text(own.target_arn),
    }
    if topic.endswith(".fifo"):
        parameters |= dict.fromkeys(("MessageDeduplicationId", "MessageGroupId"), group_hash(body))
    parameters = given(parameters)
    for number, (name, value) in enumerate(sorted(attributes.items()), 1):
        entry = f"MessageAttributes.entry.{number}"
        parameters[f"{entry}.Name"] = name
        parameters[f"{entry}.Value.DataType"] = "String"
        parameters[f"{entry}.Value.StringValue"] = value
    key = own.sigv4
    signature = AwsSignature(
        "sns",
        key.region,
        key.access_key,
        key.secret_key,
        key.profile,
        key.role_arn,
        key.external_id,
        key.use_fips_sts_endpoint,
    )
    url = await texts.text(own.api_url)
    text = urlencode(parameters)
    return [ReceiverRequest(url, text=text, content_type=FORM, signature=signature)]


async def victorops(own: Any, body: WebhookBody, texts: NotificationTexts) -> list[ReceiverRequest]:
    """Return the request of VictorOps's REST endpoint."""
    message = {
        "message_type": await texts.text(own.message_type) if is_firing(body) else "RECOVERY",
        "entity_id": group_hash(body),
        "entity_display_name": await texts.text(own.entity_display_name),
        "state_message": shortened(await texts.text(own.state_message), 20_480),
        "monitoring_tool": await texts.text(own.monitoring_tool),
    }
    message |= await texts.texts(own.custom_fields)
    route = await texts.text(own.routing_key)
    url = f"{own.api_url.rstrip('/')}/{own.api_key}/{route}"
    return [ReceiverRequest(url, message)]
