"""The receiver that POSTs notifications to a URL, as Alertmanager does."""

import aiohttp
from pydantic import SecretStr

from alerting.errors import DeliveryError
from alerting.receivers.receiver import masked

_REQUEST_TIMEOUT, _TOO_MANY_REQUESTS, _SERVER_ERROR = 408, 429, 500


class WebhookReceiver:
    """POSTs the body of each notification."""

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
                # aiohttp would follow a redirect with a GET and lose the body.
                allow_redirects=False,
            ) as response:
                status = response.status
        except TimeoutError as exc:
            raise DeliveryError(f"{shown}: no answer in {self._timeout.total:g} s") from exc
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError):
            # The error's text holds the URL; chained, it would appear in tracebacks.
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
