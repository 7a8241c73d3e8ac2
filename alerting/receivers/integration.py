"""A receiver of an `alertmanager.yml` that is reached over HTTP."""

import asyncio
import json
from collections.abc import Callable, Mapping
from pathlib import Path

from pydantic import SecretStr

from alerting.errors import DeliveryError
from alerting.receivers.clients import ReceiverAnswer, ReceiverClients
from alerting.receivers.exchanges.exchange import Exchange
from alerting.receivers.exchanges.jira import jira
from alerting.receivers.exchanges.wechat import WechatExchange
from alerting.receivers.receiver import masked
from alerting.receivers.rendered import TextSource
from alerting.receivers.request_values import ReceiverRequest
from alerting.receivers.requests import REQUESTS
from alerting.receivers.secrets import with_secrets
from alerting.receivers.webhook import status_error
from alerting.receivers.webhook_body import WebhookBody
from alerting.routing.configuration import Integration

EXCHANGES: Mapping[str, Callable[[], Exchange]] = {
    "jira": lambda: jira,
    "wechat": WechatExchange,
}
"""The kinds of receivers that send several requests, one of which depends on an answer."""
_SUCCESS_KEYS = {"slack": "ok", "rocketchat": "success"}
"""Services that answer an error with the status 200, and the key that says so."""


class IntegrationReceiver:
    """Expands the texts of each notification, and sends its requests."""

    def __init__(
        self,
        integration: Integration,
        texts: TextSource,
        folder: Path,
        clients: ReceiverClients,
        timeout_s: float,
    ) -> None:
        """Build the receiver.

        Args:
            integration: its settings.
            texts: expands templates.
            folder: what relative paths of secrets start from.
            clients: makes the HTTP client.
            timeout_s: how long one notification may take.
        """
        self._integration, self._texts, self._folder = integration, texts, folder
        http = integration.section.http_config
        if getattr(integration.section, "use_aws_http_client", False):
            http = None
        self._send = clients.client(http, folder)
        make_exchange = EXCHANGES.get(integration.kind)
        self._exchange = make_exchange() if make_exchange is not None else None
        own_ms = getattr(integration.section, "timeout", 0) or 0
        self._timeout_s = min(own_ms / 1000, timeout_s) if own_ms > 0 else timeout_s

    async def send(self, body: str) -> None:
        """See `Receiver.send`."""
        parsed = WebhookBody.model_validate_json(body)
        section = await asyncio.to_thread(with_secrets, self._integration.section, self._folder)
        texts = self._texts.of(parsed)
        if self._exchange is not None:
            await self._exchange(section, parsed, texts, self._request)
            return
        build = REQUESTS[self._integration.kind]
        for request in await build(section, parsed, texts):
            await self._request(request)

    async def _request(self, request: ReceiverRequest) -> ReceiverAnswer:
        """Send a request, and return the answer if it is a success."""
        signature = request.signature
        shown = masked(SecretStr(request.url)) if request.url or not signature else "AWS"
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await self._send(request)
        except TimeoutError as exc:
            raise DeliveryError(f"{shown}: no answer in {self._timeout_s:g} s") from exc
        self._check(answer, request, shown)
        return answer

    def _check(self, answer: ReceiverAnswer, request: ReceiverRequest, shown: str) -> None:
        if answer.lost_body:
            reason = "redirects to a request without a body; give the new address"
            raise DeliveryError(f"{shown}: {reason}", retryable=False)
        if error := status_error(shown, answer.status):
            raise error
        key = _SUCCESS_KEYS.get(self._integration.kind)
        if key is None:
            return
        try:
            document = json.loads(answer.body)
        except ValueError:
            # Slack's incoming webhook answers with a text.
            return
        if isinstance(document, dict) and document.get(key) is False:
            reason = str(document.get("error") or "it did not accept the message")[:200]
            raise DeliveryError(f"{shown}: {reason}", retryable=False)
