"""A receiver of an `alertmanager.yml` that is reached over HTTP."""

import asyncio
import base64
from pathlib import Path
from typing import Any

import aiohttp

from alerting.errors import DeliveryError
from alerting.receivers.rendered import TextSource
from alerting.receivers.requests import REQUESTS
from alerting.receivers.secrets import with_secrets
from alerting.receivers.webhook import post
from alerting.receivers.webhook_body import WebhookBody
from alerting.routing.configuration import Integration


class IntegrationReceiver:
    """Expands the texts of each notification, and POSTs them."""

    def __init__(
        self,
        integration: Integration,
        texts: TextSource,
        folder: Path,
        session: aiohttp.ClientSession,
        timeout_s: float,
    ) -> None:
        """Build the receiver.

        Args:
            integration: its settings.
            texts: expands templates.
            folder: what relative paths of secrets start from.
            session: sends the requests.
            timeout_s: how long one notification may take.
        """
        self._integration, self._texts, self._folder = integration, texts, folder
        self._session = session
        own_ms = getattr(integration.section, "timeout", 0) or 0
        self._timeout_s = min(own_ms / 1000, timeout_s) if own_ms > 0 else timeout_s

    async def send(self, body: str) -> None:
        """See `Receiver.send`."""
        parsed = WebhookBody.model_validate_json(body)
        section = await asyncio.to_thread(with_secrets, self._integration.section, self._folder)
        build = REQUESTS[self._integration.kind]
        request = await build(section, parsed, self._texts.of(parsed))
        http = section.http_config
        headers = {**_headers(http), **request.headers}
        tls = await asyncio.to_thread(_context, http, self._folder) if _has_tls(http) else None
        await post(
            self._session,
            request.url,
            json=request.json,
            text=request.text,
            headers=headers,
            timeout_s=self._timeout_s,
            ssl=tls,
            proxy=(http.proxy_url or None) if http is not None else None,
        )


def _headers(http: Any) -> dict[str, str]:
    if http is None:
        return {}
    headers = {
        name: value
        for name, each in http.http_headers.items()
        for value in (*each.values, *each.secrets)
    }
    if http.basic_auth is not None:
        pair = f"{http.basic_auth.username}:{http.basic_auth.password}"
        headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    elif http.authorization is not None:
        kind = http.authorization.type.strip() or "Bearer"
        headers["Authorization"] = f"{kind} {http.authorization.credentials}"
    elif http.bearer_token:
        headers["Authorization"] = f"Bearer {http.bearer_token}"
    return headers


def _has_tls(http: Any) -> bool:
    return http is not None and http.tls_config is not None


def _context(http: Any, folder: Path) -> Any:
    """Return the TLS context of a section; reads files."""
    import ssl

    tls = http.tls_config
    try:
        context = ssl.create_default_context(
            cafile=str(folder / tls.ca_file) if tls.ca_file else None, cadata=tls.ca or None
        )
        if tls.cert_file:
            context.load_cert_chain(folder / tls.cert_file, folder / tls.key_file)
    except (OSError, ValueError) as exc:
        raise DeliveryError(f"tls_config: {type(exc).__name__}: {exc}") from None
    if tls.insecure_skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
