"""The requests of receivers that people read in a chat.

Source: Alertmanager 0.33, notify/; the vendors' documentation of their APIs.
"""

from typing import Any

from alerting.receivers.rendered import NotificationTexts
from alerting.receivers.request_values import (
    ReceiverRequest,
    given,
    is_firing,
    shortened,
    shortened_bytes,
)
from alerting.receivers.webhook_body import WebhookBody

_DISCORD_FIRING, _DISCORD_RESOLVED = 0x992D22, 0x2ECC71
_MATTERMOST_PRIORITIES = ("urgent", "important", "standard")
_SLACK_ALWAYS = ("text", "fallback", "callback_id", "footer")
_SLACK_SOMETIMES = ("title_link", "pretext", "image_url", "thumb_url", "color")
_MATTERMOST_TEXTS = (
    "fallback",
    "color",
    "pretext",
    "text",
    "author_name",
    "author_link",
    "author_icon",
    "title",
    "title_link",
    "thumb_url",
    "footer",
    "footer_icon",
    "image_url",
)


async def _texts_of(own: Any, names: tuple[str, ...], texts: NotificationTexts) -> dict[str, str]:
    return {name: await texts.text(getattr(own, name)) for name in names}


async def _fields(own: Any, texts: NotificationTexts) -> list[dict[str, Any]]:
    """Return the fields of Slack and Rocket.Chat."""
    return [
        given({"title": await texts.text(each.title), "value": await texts.text(each.value)})
        | {"short": own.short_fields if each.short is None else each.short}
        for each in own.fields
    ]


async def slack(own: Any, body: WebhookBody, texts: NotificationTexts) -> list[ReceiverRequest]:
    """Return the request of Slack's incoming webhook, or of its API with a token."""
    attachment = given(await _texts_of(own, _SLACK_SOMETIMES, texts))
    attachment |= await _texts_of(own, _SLACK_ALWAYS, texts)
    attachment |= given({"title": shortened(await texts.text(own.title), 1024)})
    attachment["mrkdwn_in"] = list(own.mrkdwn_in) or ["fallback", "pretext", "text"]
    attachment |= given({"fields": await _fields(own, texts)})
    actions = [
        given(await texts.texts(each.model_dump(exclude={"confirm"})))
        | ({"confirm": given(await texts.texts(each.confirm.model_dump()))} if each.confirm else {})
        for each in own.actions
    ]
    attachment |= given({"actions": actions})
    names = ("channel", "username", "icon_emoji", "icon_url")
    message = given(await _texts_of(own, names, texts) | {"link_names": own.link_names})
    message |= given({"text": await texts.text(own.message_text)})
    message["attachments"] = [attachment]
    if own.app_token:
        headers = {"Authorization": f"Bearer {own.app_token}"}
        return [ReceiverRequest(own.app_url, message, headers)]
    return [ReceiverRequest(own.api_url, message)]


async def discord(own: Any, body: WebhookBody, texts: NotificationTexts) -> list[ReceiverRequest]:
    """Return the request of Discord's webhook."""
    embed = {
        "title": shortened(await texts.text(own.title), 256),
        "description": shortened(await texts.text(own.message), 4096),
        "color": _DISCORD_FIRING if is_firing(body) else _DISCORD_RESOLVED,
    }
    message = {"content": shortened(await texts.text(own.content), 2000), "embeds": [embed]}
    message |= given({"username": await texts.text(own.username), "avatar_url": own.avatar_url})
    return [ReceiverRequest(own.webhook_url, message)]


async def msteams(own: Any, body: WebhookBody, texts: NotificationTexts) -> list[ReceiverRequest]:
    """Return the request of a Teams connector."""
    card = {
        "@context": "http://schema.org/extensions",
        "type": "MessageCard",
        "title": await texts.text(own.title),
        "summary": await texts.text(own.summary),
        "text": await texts.text(own.text),
        "themeColor": "8C1A1A" if is_firing(body) else "2DC72D",
    }
    return [ReceiverRequest(own.webhook_url, card)]


async def msteamsv2(own: Any, body: WebhookBody, texts: NotificationTexts) -> list[ReceiverRequest]:
    """Return the request of a Teams workflow."""
    blocks = [
        {
            "type": "TextBlock",
            "text": await texts.text(own.title),
            "weight": "Bolder",
            "size": "Medium",
            "wrap": True,
            "style": "heading",
            "color": "Attention" if is_firing(body) else "Good",
        },
        {"type": "TextBlock", "text": await texts.text(own.text), "wrap": True},
    ]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.2",
        "body": blocks,
        "msteams": {"width": "full"},
    }
    kind = "application/vnd.microsoft.card.adaptive"
    attachment = {"contentType": kind, "contentUrl": None, "content": card}
    return [ReceiverRequest(own.webhook_url, {"type": "message", "attachments": [attachment]})]


async def telegram(own: Any, body: WebhookBody, texts: NotificationTexts) -> list[ReceiverRequest]:
    """Return the request of Telegram's Bot API; its parameters are texts."""
    text = await texts.text(own.message, html=own.parse_mode == "HTML")
    message = {
        "chat_id": str(own.chat_id),
        "text": shortened(text, 4096),
        "disable_web_page_preview": "true",
    }
    message |= given(
        {
            "parse_mode": own.parse_mode,
            "message_thread_id": str(own.message_thread_id) if own.message_thread_id else "",
            "disable_notification": "true" if own.disable_notifications else "",
        }
    )
    url = f"{own.api_url.rstrip('/')}/bot{own.bot_token}/sendMessage"
    return [ReceiverRequest(url, message)]


async def webex(own: Any, body: WebhookBody, texts: NotificationTexts) -> list[ReceiverRequest]:
    """Return the request of Webex's messages API."""
    text = shortened_bytes(await texts.text(own.message), 7439)
    return [ReceiverRequest(own.api_url, {"markdown": text, "roomId": own.room_id})]


async def mattermost(
    own: Any, body: WebhookBody, texts: NotificationTexts
) -> list[ReceiverRequest]:
    """Return the request of Mattermost's incoming webhook.

    Without `attachments` the texts of the section make up the only one.
    """
    names = ("channel", "username", "icon_url", "icon_emoji", "type")
    message = given(await _texts_of(own, names, texts))
    if own.attachments:
        message |= given({"text": shortened(await texts.text(own.text), 16_383)})
    message["attachments"] = [
        given(
            await _texts_of(each, _MATTERMOST_TEXTS, texts)
            | {"fields": [given(await texts.texts(one.model_dump())) for one in each.fields]}
        )
        for each in own.attachments or (own,)
    ]
    if own.props:
        message["props"] = await texts.texts(own.props)
    if own.priority is not None and own.priority.priority:
        message["priority"] = await _mattermost_priority(own.priority, texts)
    return [ReceiverRequest(own.webhook_url, message)]


async def _mattermost_priority(own: Any, texts: NotificationTexts) -> dict[str, Any]:
    """Return a priority with what Mattermost allows for it."""
    priority = (await texts.text(own.priority)).lower()
    if priority not in _MATTERMOST_PRIORITIES:
        priority = "standard"
    asks = own.requested_ack and priority != "standard"
    persists = own.persistent_notifications and priority == "urgent"
    return given(
        {"priority": priority, "requested_ack": asks, "persistent_notifications": persists}
    )


async def rocketchat(
    own: Any, body: WebhookBody, texts: NotificationTexts
) -> list[ReceiverRequest]:
    """Return the request of Rocket.Chat's chat.postMessage."""
    names = ("title_link", "text", "image_url", "thumb_url", "color")
    attachment = given(await _texts_of(own, names, texts))
    attachment |= given(
        {
            "title": shortened(await texts.text(own.title), 1024),
            "fields": await _fields(own, texts),
            "actions": [
                {"type": "button", "is_webview": False, "msg_in_chat_window": False}
                | given(await texts.texts(each.model_dump(exclude={"type"})))
                for each in own.actions
            ],
        }
    )
    message = {
        "channel": await texts.text(own.channel),
        "emoji": await texts.text(own.emoji),
        "avatar": await texts.text(own.icon_url),
        "attachments": [attachment],
    }
    headers = {"X-Auth-Token": own.token, "X-User-Id": own.token_id}
    url = f"{own.api_url.rstrip('/')}/api/v1/chat.postMessage"
    return [ReceiverRequest(url, given(message), headers)]
