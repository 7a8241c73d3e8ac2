"""The protocol of all receivers, and how error messages show a receiver's URL."""

from typing import Protocol
from urllib.parse import urlsplit

from pydantic import SecretStr


class Receiver(Protocol):
    """Accepts notifications, one at a time."""

    async def send(self, body: str) -> None:
        """Send a notification; `body` is a `WebhookBody` as JSON.

        Raises:
            DeliveryError: the receiver did not accept it.
        """


def masked(url: SecretStr) -> str:
    """Return a receiver's URL without its secrets: scheme, HTTP host and port, and `…`."""
    try:
        parts = urlsplit(url.get_secret_value())
        host = parts.hostname if parts.scheme in ("http", "https") else ""
        port = f":{parts.port}" if host and parts.port else ""
    except ValueError:
        return "…"
    return f"{parts.scheme}://{host}{port}/…" if host else f"{parts.scheme}://…"
