"""Receivers: how each kind takes a notification.

A receiver's URL is a secret (it may hold a token); nothing here puts more of it into a
message than scheme and host.
"""

import asyncio
from collections.abc import Mapping
from typing import Protocol
from urllib.parse import urlsplit

import aiohttp
import structlog
from pydantic import SecretStr

from alerting.errors import DeliveryError
from alerting.notifications.documents import NotificationDocument, notification_text
from alerting.settings import (
    AppriseReceiver,
    LogReceiver,
    ReceiverSettings,
    WebhookReceiver,
)

log = structlog.get_logger(__name__)

_REQUEST_TIMEOUT, _TOO_MANY_REQUESTS, _SERVER_ERROR = 408, 429, 500


class Receiver(Protocol):
    """Takes notifications, one at a time."""

    async def send(self, body: str) -> None:
        """Hand over a notification; `body` is a `NotificationDocument` in JSON.

        Raises:
            DeliveryError: it was not taken.
        """


def masked(url: SecretStr) -> str:
    """Return what of a URL may be shown: its scheme, and the host where it is one."""
    try:
        parts = urlsplit(url.get_secret_value())
        host = parts.hostname if parts.scheme in ("http", "https") else ""
        port = f":{parts.port}" if host and parts.port else ""
    except ValueError:
        return "…"
    return f"{parts.scheme}://{host}{port}/…" if host else f"{parts.scheme}://…"


class LogSender:
    """Writes notifications to the log."""

    async def send(self, body: str) -> None:
        """See `Receiver.send`."""
        document = NotificationDocument.model_validate_json(body)
        title, _ = notification_text(document)
        log.info(
            "alert_notification",
            title=title,
            status=document.status.value,
            labels=dict(document.common_labels),
        )


class WebhookSender:
    """POSTs notifications as Alertmanager does."""

    def __init__(self, url: SecretStr, session: aiohttp.ClientSession, timeout_s: float) -> None:
        self._url, self._session = url, session
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)

    async def send(self, body: str) -> None:
        """See `Receiver.send`."""
        shown = masked(self._url)
        try:
            async with self._session.post(
                self._url.get_secret_value(),
                data=body.encode(),
                headers={"Content-Type": "application/json"},
                timeout=self._timeout,
                # Following would turn the POST into a GET, which no receiver means.
                allow_redirects=False,
            ) as response:
                status = response.status
        except TimeoutError as exc:
            raise DeliveryError(f"{shown}: no answer in {self._timeout.total:g} s") from exc
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError):
            # Its text holds the URL, and so would the traceback of a chained error.
            raise DeliveryError(f"{shown}: not a URL", retryable=False) from None
        except (aiohttp.ClientError, OSError) as exc:
            raise DeliveryError(f"{shown}: {_reason(exc)}") from None
        if status >= 300:
            retryable = status in (_REQUEST_TIMEOUT, _TOO_MANY_REQUESTS) or status >= _SERVER_ERROR
            raise DeliveryError(f"{shown}: answered {status}", retryable=retryable)


def _reason(exc: Exception) -> str:
    if isinstance(exc, aiohttp.ClientConnectorError):
        return f"cannot connect: {exc.os_error.strerror or type(exc.os_error).__name__}"
    return type(exc).__name__


class AppriseSender:
    """Sends the notification's text through Apprise, in a thread."""

    def __init__(self, url: SecretStr, timeout_s: float) -> None:
        self._url, self._timeout_s = url, timeout_s

    async def send(self, body: str) -> None:
        """See `Receiver.send`."""
        document = NotificationDocument.model_validate_json(body)
        try:
            async with asyncio.timeout(self._timeout_s):
                await asyncio.to_thread(self._notify, *notification_text(document))
        except TimeoutError as exc:
            shown = masked(self._url)
            raise DeliveryError(f"{shown}: no answer in {self._timeout_s:g} s") from exc

    def _notify(self, title: str, text: str) -> None:
        # Here, because loading its plugins takes 0.8 s and 37 MB.
        import apprise

        shown = masked(self._url)
        service = apprise.Apprise()
        if not service.add(self._url.get_secret_value()):
            raise DeliveryError(f"{shown}: not a URL of Apprise", retryable=False)
        try:
            taken = service.notify(body=text, title=title)
        except Exception as exc:  # noqa: BLE001 - 170 plugins, each with errors of its own
            raise DeliveryError(f"{shown}: {type(exc).__name__}") from None
        if not taken:
            raise DeliveryError(f"{shown}: the service did not take it")


def build_receivers(
    settings: tuple[ReceiverSettings, ...], session: aiohttp.ClientSession, timeout_s: float
) -> Mapping[str, Receiver]:
    """Return the configured receivers by name."""

    def build(receiver: ReceiverSettings) -> Receiver:
        match receiver:
            case LogReceiver():
                return LogSender()
            case WebhookReceiver(url=url):
                return WebhookSender(url, session, timeout_s)
            case AppriseReceiver(url=url):
                return AppriseSender(url, timeout_s)

    return {receiver.name: build(receiver) for receiver in settings}
