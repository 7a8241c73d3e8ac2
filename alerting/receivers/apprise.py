"""The receiver that sends the text of notifications through Apprise."""

import asyncio
from typing import TYPE_CHECKING

from pydantic import SecretStr

from alerting.errors import DeliveryError
from alerting.receivers.receiver import masked
from alerting.receivers.webhook_body import WebhookBody, plain_text
from model.network.daemon_threads import DaemonThreads

if TYPE_CHECKING:
    from concurrent.futures import Future


class AppriseReceiver:
    """Sends title and text through an Apprise service, in a thread of its own.

    A service that hangs keeps its thread, and the next attempts fail until it returns.
    """

    def __init__(self, url: SecretStr, timeout_s: float) -> None:
        self._url, self._timeout_s = url, timeout_s
        self._threads = DaemonThreads(1, "apprise")
        self._sending: Future[None] | None = None

    async def send(self, body: str) -> None:
        """See `Receiver.send`."""
        if self._sending is not None and not self._sending.done():
            raise DeliveryError(f"{masked(self._url)}: the last attempt has not ended yet")
        title, text = plain_text(WebhookBody.model_validate_json(body))
        self._sending = self._threads.submit(lambda: self._notify(title, text))
        try:
            async with asyncio.timeout(self._timeout_s):
                await asyncio.wrap_future(self._sending)
        except TimeoutError as exc:
            shown = masked(self._url)
            raise DeliveryError(f"{shown}: no answer in {self._timeout_s:g} s") from exc

    def _notify(self, title: str, text: str) -> None:
        # Imported here: loading its plugins takes 0.8 s and 37 MB.
        import apprise

        shown = masked(self._url)
        service = apprise.Apprise()
        if not service.add(self._url.get_secret_value()):
            raise DeliveryError(f"{shown}: not a URL of Apprise", retryable=False)
        try:
            accepted = service.notify(body=text, title=title)
        except Exception as exc:  # noqa: BLE001 - each of 170 plugins raises errors of its own
            raise DeliveryError(f"{shown}: {type(exc).__name__}") from None
        if not accepted:
            raise DeliveryError(f"{shown}: the service did not accept it")
