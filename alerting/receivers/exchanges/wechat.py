"""WeChat Work: a message with an access token, which another request gets.

Source: Alertmanager 0.33, notify/wechat; WeChat Work documentation, "Send application messages".
"""

from typing import Any
from urllib.parse import urlencode

from alerting.errors import DeliveryError
from alerting.receivers.exchanges.exchange import SendRequest, answered
from alerting.receivers.rendered import NotificationTexts
from alerting.receivers.request_values import ReceiverRequest, given
from alerting.receivers.webhook_body import WebhookBody

_TOKEN_MS = 7_200_000
_TOKEN_ERRORS = frozenset({40001, 40014, 42001})
"""Error codes of an access token that has expired or that the service has withdrawn."""


class WechatExchange:
    """Sends messages; keeps the access token for the two hours that it counts."""

    def __init__(self) -> None:
        self._token, self._ends_ms = "", 0

    async def __call__(
        self, own: Any, body: WebhookBody, texts: NotificationTexts, send: SendRequest
    ) -> None:
        """See `Exchange`."""
        base = own.api_url.rstrip("/")
        if not self._token or texts.now_ms >= self._ends_ms:
            await self._log_in(own, base, texts, send)
        content = {"content": await texts.text(own.message)}
        is_markdown = own.message_type == "markdown"
        message = {
            "touser": await texts.text(own.to_user),
            "toparty": await texts.text(own.to_party),
            "totag": await texts.text(own.to_tag),
            "agentid": await texts.text(own.agent_id),
            "msgtype": own.message_type,
        }
        message = given(message) | {
            "safe": "0",
            # Alertmanager sends both forms, one of them empty.
            "text": {"content": ""} if is_markdown else content,
            "markdown": content if is_markdown else {"content": ""},
        }
        query = urlencode({"access_token": self._token})
        answer = answered(
            await send(ReceiverRequest(f"{base}/message/send?{query}", message)), "WeChat"
        )
        code = answer.get("errcode", 0)
        if code == 0:
            return
        is_token = code in _TOKEN_ERRORS
        if is_token:
            self._token = ""
        reason = str(answer.get("errmsg") or code)[:200]
        raise DeliveryError(f"WeChat: {reason}", retryable=is_token)

    async def _log_in(
        self, own: Any, base: str, texts: NotificationTexts, send: SendRequest
    ) -> None:
        corporation = await texts.text(own.corp_id)
        query = urlencode({"corpid": corporation, "corpsecret": await texts.text(own.api_secret)})
        request = ReceiverRequest(f"{base}/gettoken?{query}", method="GET", content_type="")
        token = answered(await send(request), "WeChat").get("access_token")
        if not token or not isinstance(token, str):
            message = f"WeChat: the api_secret does not fit the corp_id {corporation!r}"
            raise DeliveryError(message, retryable=False)
        self._token, self._ends_ms = token, texts.now_ms + _TOKEN_MS
