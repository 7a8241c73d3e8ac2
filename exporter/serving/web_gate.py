"""The web configuration applied to connections and requests: TLS, a login, a rate, headers."""

from __future__ import annotations

import select
import socket
import ssl
import time
from collections.abc import Mapping
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Final

from exporter.logs import Log
from model.web_config.document import read_web_config
from model.web_config.errors import WebConfigError
from model.web_config.live import LiveWebConfig
from model.web_config.rate import RequestRate
from model.web_config.tls import refuses_peer
from model.web_config.users import PasswordCheck

log = Log(__name__)

_REFRESH_S: Final = 1.0


class WebGate:
    """Enforces a web configuration file, and follows its changes.

    Raises:
        WebConfigError: the file is invalid.
    """

    def __init__(self, file: Path) -> None:
        file = file.absolute()
        self._live = LiveWebConfig(str(file), partial(read_web_config, file), (file,))
        self._passwords = PasswordCheck()
        self._rate = RequestRate()
        self._refreshed_s = time.monotonic()

    @property
    def headers(self) -> Mapping[str, str]:
        """See `ClientGate.headers`."""
        return self._live.current.config.headers

    def wrap(self, connection: socket.socket) -> socket.socket:
        """See `ClientGate.wrap`."""
        self._refresh()
        context = self._live.current.context
        if context is None:
            return connection
        return context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)

    def shake_hands(self, connection: socket.socket, timeout_s: float) -> None:
        """See `ClientGate.shake_hands`."""
        if not isinstance(connection, ssl.SSLSocket):
            return
        until_s = time.monotonic() + timeout_s
        connection.settimeout(0)
        while True:
            left_s = max(0.0, until_s - time.monotonic())
            try:
                connection.do_handshake()
                break
            except ssl.SSLWantReadError:
                ready = select.select([connection], [], [], left_s)[0]
            except ssl.SSLWantWriteError:
                ready = select.select([], [connection], [], left_s)[1]
            if not ready:
                raise TimeoutError("the TLS handshake took too long")
        tls = self._live.current.config.tls
        if tls is not None and refuses_peer(tls, connection.getpeercert()):
            raise ConnectionAbortedError("client_allowed_sans has no name of the certificate")

    def refusal(self, authorization: str) -> HTTPStatus | None:
        """See `ClientGate.refusal`."""
        self._refresh()
        if not self._rate.allows(self._live.current.config):
            return HTTPStatus.TOO_MANY_REQUESTS
        users = self._live.current.config.users
        if users and not self._passwords.accepts(users, authorization):
            return HTTPStatus.UNAUTHORIZED
        return None

    def _refresh(self) -> None:
        now_s = time.monotonic()
        if now_s - self._refreshed_s < _REFRESH_S:
            return
        self._refreshed_s = now_s
        try:
            if self._live.refresh():
                log.info("web_config_reloaded")
        except WebConfigError as exc:
            # Not `exception`: the message says what is wrong with the file.
            log.warning("web_config_refused", error=str(exc), fix="the one before stays in force")
