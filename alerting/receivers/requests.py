"""The HTTP requests of the receivers of an `alertmanager.yml`: one function for each kind.

Source: Alertmanager, notify/; the vendors' documentation of their APIs.
"""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from alerting.receivers.rendered import NotificationTexts
from alerting.receivers.webhook_body import NotificationStatus, WebhookBody


@dataclass(frozen=True, slots=True)
class ReceiverRequest:
    """A POST; `json` is None for a body that is already text."""

    url: str
    json: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    text: str = ""


def _is_firing(body: WebhookBody) -> bool:
    return body.status is NotificationStatus.FIRING


def _dedup_key(body: WebhookBody) -> str:
    return hashlib.sha256(body.group_key.encode()).hexdigest()


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in ("", None, [], {})}


async def webhook(own: Any, body: WebhookBody, texts: NotificationTexts) -> Any:
    """Return the request of a webhook: Alertmanager's body, or the section's `payload`."""
    url = await texts.text(own.url)
    if own.payload is not None:
        return ReceiverRequest(url, json=await texts.texts(own.payload))
    return ReceiverRequest(url, text=body.to_json())


async def slack(own: Any, body: WebhookBody, texts: NotificationTexts) -> Any:
    """Return the request of Slack's incoming webhook, or of its API with a token."""
    attachment: dict[str, Any] = {
        name: await texts.text(getattr(own, name))
        for name in (
            "title",
            "title_link",
            "pretext",
            "text",
            "fallback",
            "callback_id",
            "image_url",
            "thumb_url",
            "footer",
            "color",
        )
    }
    attachment = _given(attachment) | {
        "mrkdwn_in": own.mrkdwn_in or ["fallback", "pretext", "text"]
    }
    if own.fields:
        attachment["fields"] = [
            {
                "title": await texts.text(each.title),
                "value": await texts.text(each.value),
                "short": own.short_fields if each.short is None else each.short,
            }
            for each in own.fields
        ]
    if own.actions:
        attachment["actions"] = [
            _given(await texts.texts(each.model_dump(exclude_none=True))) for each in own.actions
        ]
    message = _given(
        {
            name: await texts.text(getattr(own, name))
            for name in ("channel", "username", "icon_emoji", "icon_url")
        }
    ) | {"link_names": own.link_names, "attachments": [attachment]}
    if own.message_text:
        message["text"] = await texts.text(own.message_text)
    if own.app_token or own.app_token_file:
        token = own.app_token
        return ReceiverRequest(own.app_url, message, {"Authorization": f"Bearer {token}"})
    return ReceiverRequest(own.api_url, message)


async def discord(own: Any, body: WebhookBody, texts: NotificationTexts) -> Any:
    """Return the request of Discord's webhook."""
    embed = {
        "title": (await texts.text(own.title))[:256],
        "description": (await texts.text(own.message))[:4096],
        "color": 0xE4001B if _is_firing(body) else 0x00B200,
    }
    content = {name: await texts.text(getattr(own, name)) for name in ("content", "username")}
    content |= {"avatar_url": own.avatar_url}
    return ReceiverRequest(own.webhook_url, _given(content) | {"embeds": [embed]})


async def msteams(own: Any, body: WebhookBody, texts: NotificationTexts) -> Any:
    """Return the request of a Teams connector."""
    card = {
        "@context": "http://schema.org/extensions",
        "type": "MessageCard",
        "title": await texts.text(own.title),
        "summary": await texts.text(own.summary),
        "text": await texts.text(own.text),
        "themeColor": "8C1A1A" if _is_firing(body) else "2DC72D",
    }
    return ReceiverRequest(own.webhook_url, card)


async def msteamsv2(own: Any, body: WebhookBody, texts: NotificationTexts) -> Any:
    """Return the request of a Teams workflow."""
    blocks = [
        {
            "type": "TextBlock",
            "text": await texts.text(own.title),
            "weight": "Bolder",
            "size": "Medium",
            "wrap": True,
            "style": "heading",
            "color": "Attention" if _is_firing(body) else "Good",
        },
        {"type": "TextBlock", "text": await texts.text(own.text), "wrap": True},
    ]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": blocks,
        "msteams": {"width": "Full"},
    }
    kind = "application/vnd.microsoft.card.adaptive"
    message = {"type": "message", "attachments": [{"contentType": kind, "content": card}]}
    return ReceiverRequest(own.webhook_url, message)


async def telegram(own: Any, body: WebhookBody, texts: NotificationTexts) -> Any:
    """Return the request of Telegram's Bot API."""
    token = own.bot_token
    chat = own.chat_id or own.chat_id
    text = await texts.text(own.message, html=own.parse_mode == "HTML")
    message = _given({"chat_id": chat, "text": text[:4096], "parse_mode": own.parse_mode}) | {
        "disable_web_page_preview": True,
        "disable_notification": own.disable_notifications,
    }
    if own.message_thread_id:
        message["message_thread_id"] = own.message_thread_id
    return ReceiverRequest(f"{own.api_url.rstrip('/')}/bot{token}/sendMessage", message)


async def pushover(own: Any, body: WebhookBody, texts: NotificationTexts) -> Any:
    """Return the request of Pushover's API."""
    message = _given(
        {
            "token": own.token,
            "user": own.user_key,
            "title": (await texts.text(own.title))[:250],
            "message": (await texts.text(own.message, html=own.html))[:1024] or "(no details)",
            "url": (await texts.text(own.url))[:512],
            "url_title": await texts.text(own.url_title),
            "priority": await texts.text(own.priority),
            "sound": await texts.text(own.sound),
            "device": await texts.text(own.device),
        }
    )
    message |= {"retry": own.retry // 1000, "expire": own.expire // 1000}
    message |= {name: 1 for name in ("html", "monospace") if getattr(own, name)}
    if own.ttl > 0:
        message["ttl"] = own.ttl // 1000
    return ReceiverRequest("https://api.pushover.net/1/messages.json", message)


async def pagerduty(own: Any, body: WebhookBody, texts: NotificationTexts) -> Any:
    """Return the request of PagerDuty's Events API: version 2, or 1 with a service key."""
    event = "trigger" if _is_firing(body) else "resolve"
    details = await texts.texts(own.details or dict(_PAGERDUTY_DETAILS))
    description = (await texts.text(own.description))[:1024]
    if own.service_key or own.service_key_file:
        version1 = {
            "service_key": own.service_key,
            "event_type": event,
            "incident_key": _dedup_key(body),
            "description": description,
            "details": details,
        }
        url = "https://events.pagerduty.com/generic/2010-04-15/create_event.json"
        return ReceiverRequest(url, version1)
    payload = {
        "summary": description,
        "source": await texts.text(own.source or own.client),
        "severity": await texts.text(own.severity) or "error",
        "class": await texts.text(own.class_name),
        "component": await texts.text(own.component),
        "group": await texts.text(own.group),
        "custom_details": details,
    }
    message = {
        "routing_key": await texts.text(own.routing_key),
        "event_action": event,
        "dedup_key": _dedup_key(body),
        "client": await texts.text(own.client),
        "client_url": await texts.text(own.client_url),
        "images": [await texts.texts(each.model_dump()) for each in own.images],
        "links": [await texts.texts(each.model_dump()) for each in own.links],
        "payload": _given(payload),
    }
    return ReceiverRequest(own.url, _given(message))


_PAGERDUTY_DETAILS = {
    "firing": '{{ template "pagerduty.default.instances" .Alerts.Firing }}',
    "resolved": '{{ template "pagerduty.default.instances" .Alerts.Resolved }}',
    "num_firing": "{{ .Alerts.Firing | len }}",
    "num_resolved": "{{ .Alerts.Resolved | len }}",
}


async def opsgenie(own: Any, body: WebhookBody, texts: NotificationTexts) -> Any:
    """Return the request of Opsgenie's Alert API: an alert, or its end."""
    alias = _dedup_key(body)
    source = await texts.text(own.source)
    base = f"{own.api_url.rstrip('/')}/v2/alerts"
    headers = {"Authorization": f"GenieKey {own.api_key}"}
    if not _is_firing(body):
        url = f"{base}/{alias}/close?identifierType=alias"
        return ReceiverRequest(url, {"source": source}, headers)
    details = dict(body.common_labels) | await texts.texts(own.details)
    tags = [tag.strip() for tag in (await texts.text(own.tags)).split(",") if tag.strip()]
    actions = [each.strip() for each in (await texts.text(own.actions)).split(",") if each.strip()]
    message = {
        "alias": alias,
        "message": (await texts.text(own.message))[:130],
        "description": await texts.text(own.description),
        "details": details,
        "source": source,
        "responders": [_given(await texts.texts(each.model_dump())) for each in own.responders],
        "tags": tags,
        "actions": actions,
        "note": await texts.text(own.note),
        "priority": await texts.text(own.priority),
        "entity": await texts.text(own.entity),
    }
    return ReceiverRequest(base, _given(message), headers)


async def victorops(own: Any, body: WebhookBody, texts: NotificationTexts) -> Any:
    """Return the request of VictorOps's REST endpoint."""
    kind = (await texts.text(own.message_type)) if _is_firing(body) else "RECOVERY"
    message = {
        "message_type": kind,
        "entity_id": _dedup_key(body),
        "entity_display_name": await texts.text(own.entity_display_name),
        "state_message": (await texts.text(own.state_message))[:20_480],
        "monitoring_tool": await texts.text(own.monitoring_tool),
    }
    message |= await texts.texts(own.custom_fields)
    route = await texts.text(own.routing_key)
    url = f"{own.api_url.rstrip('/')}/{own.api_key}/{route}"
    return ReceiverRequest(url, message)


async def webex(own: Any, body: WebhookBody, texts: NotificationTexts) -> Any:
    """Return the request of Webex's messages API."""
    message = {"markdown": (await texts.text(own.message))[:7439], "roomId": own.room_id}
    return ReceiverRequest(own.api_url, message)


async def mattermost(own: Any, body: WebhookBody, texts: NotificationTexts) -> Any:
    """Return the request of Mattermost's incoming webhook."""
    names = ("channel", "username", "icon_url", "icon_emoji", "type")
    message = _given({name: await texts.text(getattr(own, name)) for name in names})
    attachment = {
        name: await texts.text(getattr(own, name))
        for name in ("fallback", "color", "pretext", "text", "title", "title_link", "image_url")
    }
    attachments = [_given(await texts.texts(each.model_dump())) for each in own.attachments]
    message["attachments"] = attachments or [_given(attachment)]
    if own.props:
        message["props"] = await texts.texts(own.props)
    if own.priority is not None:
        message["priority"] = own.priority.model_dump()
    return ReceiverRequest(own.webhook_url, message)


async def rocketchat(own: Any, body: WebhookBody, texts: NotificationTexts) -> Any:
    """Return the request of Rocket.Chat's chat.postMessage."""
    attachment = {
        name: await texts.text(getattr(own, name))
        for name in ("title", "title_link", "text", "image_url", "thumb_url", "color")
    }
    message = {
        "channel": await texts.text(own.channel),
        "emoji": await texts.text(own.emoji),
        "avatar": await texts.text(own.icon_url),
        "attachments": [_given(attachment)],
    }
    headers = {
        "X-Auth-Token": own.token,
        "X-User-Id": own.token_id,
    }
    url = f"{own.api_url.rstrip('/')}/api/v1/chat.postMessage"
    return ReceiverRequest(url, _given(message), headers)


async def incidentio(own: Any, body: WebhookBody, texts: NotificationTexts) -> Any:
    """Return the request of incident.io's alert source."""
    headers = {}
    if own.alert_source_token or own.alert_source_token_file:
        headers["Authorization"] = f"Bearer {own.alert_source_token}"
    return ReceiverRequest(own.url, text=body.to_json(), headers=headers)


RequestOf = Callable[[Any, WebhookBody, NotificationTexts], Awaitable[ReceiverRequest]]
"""Returns the request that sends a notification with the settings of a section."""

REQUESTS: Mapping[str, RequestOf] = {
    "discord": discord,
    "incidentio": incidentio,
    "mattermost": mattermost,
    "msteams": msteams,
    "msteamsv2": msteamsv2,
    "opsgenie": opsgenie,
    "pagerduty": pagerduty,
    "pushover": pushover,
    "rocketchat": rocketchat,
    "slack": slack,
    "telegram": telegram,
    "victorops": victorops,
    "webex": webex,
    "webhook": webhook,
}
"""By kind; other kinds are refused when the server reads the file."""
