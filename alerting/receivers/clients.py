"""The protocol of the HTTP clients that receivers send through."""

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from alerting.receivers.request_values import ReceiverRequest
from alerting.routing.files.http_config import HttpSection, TlsSection


@dataclass(frozen=True, slots=True)
class ReceiverAnswer:
    """The answer of a service.

    Attributes:
        status: the HTTP status.
        body: the beginning of the body.
        lost_body: whether a redirect turned the request into one without a body.
    """

    status: int
    body: bytes = b""
    lost_body: bool = False


class ReceiverClient(Protocol):
    """Sends the requests of one receiver, with the options of its `http_config`."""

    async def __call__(self, request: ReceiverRequest) -> ReceiverAnswer:
        """Send a request.

        Raises:
            DeliveryError: there is no answer; the error shows no secret of the URL.
        """


class ReceiverClients(Protocol):
    """Makes clients, and the TLS options of mail servers."""

    def client(self, http: HttpSection | None, folder: Path) -> ReceiverClient:
        """Return a client; relative paths of files start from the folder."""

    def tls_context(self, tls: TlsSection, folder: Path) -> ssl.SSLContext:
        """Return a TLS context; reads files.

        Raises:
            DeliveryError: a file cannot be read or used.
        """
