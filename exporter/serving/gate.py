"""Decides about connections and requests before they are served; here, for plain HTTP."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Protocol


class ClientGate(Protocol):
    """Decides about connections and requests before they are served."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers of each answer."""

    def wrap(self, connection: socket.socket) -> socket.socket:
        """Return the socket to talk through; does no I/O."""

    def shake_hands(self, connection: socket.socket, timeout_s: float) -> None:
        """Complete the TLS handshake, if there is one.

        Raises:
            OSError: the client and we do not agree, or it takes too long.
        """

    def refusal(self, authorization: str) -> HTTPStatus | None:
        """Return the status that refuses a request, None to serve it; blocks."""


class OpenGate:
    """Serves plain HTTP to everybody."""

    headers: Mapping[str, str] = MappingProxyType({})

    def wrap(self, connection: socket.socket) -> socket.socket:
        """See `ClientGate.wrap`."""
        return connection

    def shake_hands(self, connection: socket.socket, timeout_s: float) -> None:
        """See `ClientGate.shake_hands`."""

    def refusal(self, authorization: str) -> HTTPStatus | None:
        """See `ClientGate.refusal`."""
        del authorization
        return None
