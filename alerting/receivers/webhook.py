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
        self._timeout_s = timeout_s

    async def send(self, body: str) -> None:
        """See `Receiver.send`."""
        url = self._url.get_secret_value()
        await post(self._session, url, text=body, timeout_s=self._timeout_s)


async def post(
    session: aiohttp.ClientSession,
    url: str,
    *,
    text: str,
    timeout_s: float,
) -> None:
    """POST a JSON body; every error is a `DeliveryError` without the URL's secrets.

    Args:
        session: sends the request.
        url: where to.
        text: the body.
        timeout_s: how long the request may take.

    Raises:
        DeliveryError: the receiver did not accept the body.
    """
    shown = masked(SecretStr(url))
    try:
        async with session.post(
            url,
            data=text.encode(),
            headers={"Content-Type": "application/json"},
            timeout=aiohttp.ClientTimeout(total=timeout_s),
            # aiohttp would follow a redirect with a GET and lose the body.
            allow_redirects=False,
        ) as response:
            status = response.status
    except TimeoutError as exc:
        raise DeliveryError(f"{shown}: no answer in {timeout_s:g} s") from exc
    except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError):
        # The error's text holds the URL; chained, it would appear in tracebacks.
        raise DeliveryError(f"{shown}: not a URL", retryable=False) from None
    except (aiohttp.ClientError, OSError) as exc:
        raise DeliveryError(f"{shown}: {_reason(exc)}") from None
    if error := status_error(shown, status):
        raise error


def status_error(shown: str, status: int) -> DeliveryError | None:
    """Return the error of an HTTP status, None for success.

    Args:
        shown: the URL without its secrets.
        status: what the receiver answered.
    """
    if status < 300:
        return None
    retryable = status in (_REQUEST_TIMEOUT, _TOO_MANY_REQUESTS) or status >= _SERVER_ERROR
    return DeliveryError(f"{shown}: answered {status}", retryable=retryable)


def _reason(exc: Exception) -> str:
    if isinstance(exc, aiohttp.ClientConnectorError):
        return f"cannot connect: {exc.os_error.strerror or type(exc.os_error).__name__}"
    return type(exc).__name__
