"""Handles the requests of one connection: `/metrics`, `/health` and a page of links."""

from __future__ import annotations

import io
import math
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import parse_qs, urlsplit

from exporter.errors import UnknownCollectorError
from exporter.logs import Log
from exporter.serving.gate import ClientGate
from exporter.serving.listener import Listener, TimedReader
from exporter.serving.request import RequestError, RequestHandler, response_head

if TYPE_CHECKING:
    from exporter.gathering.gatherer import Gatherer
    from exporter.gathering.self_metrics import SelfMetrics
    from exporter.serving.encoding import Encoder
    from exporter.settings import ExporterSettings

log = Log(__name__)

_TEXT = "text/plain; charset=utf-8"
_MAX_QUERY_FIELDS = 200
_TIMEOUT_HEADER = "x-prometheus-scrape-timeout-seconds"
_TIMEOUT_SHARE = 0.9


class Handler(RequestHandler):
    """Handles one connection, on which requests follow one another.

    `Handler.bound` makes the subclass that holds the objects all connections share.
    """

    methods = MappingProxyType(
        {
            **dict.fromkeys(("GET", "HEAD"), "answer_get"),
            **dict.fromkeys(("POST", "PUT", "PATCH", "DELETE", "OPTIONS"), "refuse_method"),
        }
    )
    server: Listener
    settings: ClassVar[ExporterSettings]
    gatherer: ClassVar[Gatherer]
    encoder: ClassVar[Encoder]
    self_metrics: ClassVar[SelfMetrics]
    gate: ClassVar[ClientGate]
    scrapes: ClassVar[threading.Semaphore]

    @classmethod
    def bound(
        cls,
        settings: ExporterSettings,
        gatherer: Gatherer,
        encoder: Encoder,
        self_metrics: SelfMetrics,
        gate: ClientGate,
    ) -> type[Handler]:
        """Return a handler class that uses these objects."""
        shared = {
            "settings": settings,
            "gatherer": gatherer,
            "encoder": encoder,
            "self_metrics": self_metrics,
            "gate": gate,
            # 0 means no limit: the number of connections is one.
            "scrapes": threading.Semaphore(settings.max_requests or settings.max_connections),
        }
        return type("BoundHandler", (cls,), shared)

    def setup(self) -> None:
        """Complete the TLS handshake; wrap the socket in a reader that enforces deadlines."""
        self.connection = self.request
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.gate.shake_hands(self.connection, self.settings.request_timeout_s)
        self._timed = TimedReader(self.connection)
        self._patience_s = self.settings.request_timeout_s
        self.reader = io.BufferedReader(self._timed)

    def is_awaited(self) -> bool:
        """Wait for a request within the time allowed."""
        self._timed.allow(self._patience_s)
        self.server.idle(self.connection, is_idle=True)
        try:
            waiting = self.reader.peek(1)
        except OSError:  # The client took too long, or closed the connection.
            waiting = b""
        finally:
            self.server.idle(self.connection, is_idle=False)
        self._timed.allow(self.settings.request_timeout_s)
        # From the second request on, a client may take longer.
        self._patience_s = self.settings.idle_timeout_s
        return bool(waiting)

    def is_admitted(self) -> bool:
        """Return whether the gate admits the request; answer it if not."""
        self.server.serving(self.connection)
        refusal = self.gate.refusal(self.head.header("authorization"))
        if refusal is None:
            return True
        login = {"WWW-Authenticate": "Basic"} if refusal is HTTPStatus.UNAUTHORIZED else {}
        self._answer(refusal, f"{refusal.phrase.lower()}\n", **login)
        return False

    def answer_get(self) -> None:
        """Answer a GET or HEAD."""
        try:
            url = urlsplit(self.head.target)
            query = parse_qs(url.query, keep_blank_values=True, max_num_fields=_MAX_QUERY_FIELDS)
        except ValueError as exc:
            self._answer(HTTPStatus.BAD_REQUEST, f"bad request: {exc}\n")
            return
        route = self._routes().get(url.path)
        if route is None:
            self._answer(HTTPStatus.NOT_FOUND, "not found\n")
            return
        try:
            route(query)
        except OSError:
            raise  # The client closed the connection.
        except Exception as exc:  # noqa: BLE001 - a defect; it is logged and answered.
            log.defect("request_failed", exc, path=url.path)
            self._answer(
                HTTPStatus.INTERNAL_SERVER_ERROR,
                "internal error; see the log\n",
            )

    def refuse_method(self) -> None:
        """Answer a method that no path has."""
        self._answer(HTTPStatus.METHOD_NOT_ALLOWED, "GET or HEAD only\n", Allow="GET, HEAD")

    def _routes(self) -> dict[str, Callable[[dict[str, list[str]]], None]]:
        path = self.settings.telemetry_path
        return {"/health": self._health, "/": self._landing, path: self._metrics}

    def _metrics(self, query: dict[str, list[str]]) -> None:
        collect, exclude = query.get("collect[]", ()), query.get("exclude[]", ())
        if collect and exclude:
            self._answer(HTTPStatus.BAD_REQUEST, "collect[] and exclude[] cannot be combined\n")
            return
        if not self.scrapes.acquire(blocking=False):
            most = self.settings.max_requests
            self._answer(
                HTTPStatus.SERVICE_UNAVAILABLE, f"{most} scrapes run, as many as --max-requests\n"
            )
            return
        try:
            self._scrape(collect, exclude)
        finally:
            self.scrapes.release()

    def _scrape(self, collect: Sequence[str], exclude: Sequence[str]) -> None:
        try:
            families = self.gatherer.gather(collect, exclude, self._scrape_timeout_s())
        except UnknownCollectorError as exc:
            self._answer(HTTPStatus.BAD_REQUEST, f"{exc}\n")
            return
        encoded = self.encoder.encode(
            families, self.head.header("accept"), self.head.header("accept-encoding")
        )
        headers = {"Vary": "Accept, Accept-Encoding"}
        if encoded.content_encoding:
            headers["Content-Encoding"] = encoded.content_encoding
        self._answer(HTTPStatus.OK, encoded.body, encoded.content_type, **headers)

    def _scrape_timeout_s(self) -> float:
        """Return how long the scraper waits, less a tenth for sending the response."""
        try:
            timeout_s = float(self.head.header(_TIMEOUT_HEADER))
        except ValueError:
            return math.inf
        return timeout_s * _TIMEOUT_SHARE if timeout_s > 0 else math.inf

    def _health(self, _: dict[str, list[str]]) -> None:
        self._answer(HTTPStatus.OK, "ok\n")

    def _landing(self, _: dict[str, list[str]]) -> None:
        import html  # Here: its table of entities takes 0.4 MB, and a scraper needs no page.

        path = html.escape(self.settings.telemetry_path)
        links = "".join(
            f'<li><a href="{path}?collect[]={name}">{html.escape(name)}</a></li>'
            for name in self.gatherer.names
        )
        page = (
            '<!doctype html><html lang="en"><meta charset="utf-8"><title>Redshank exporter</title>'
            f'<h1>Redshank exporter</h1><p><a href="{path}">Metrics</a>, '
            '<a href="/health">health</a>, or one collector:</p>'
            f"<ul>{links}</ul></html>\n"
        )
        self._answer(HTTPStatus.OK, page, "text/html; charset=utf-8")

    def _answer(
        self, status: HTTPStatus, body: str | bytes, content_type: str = _TEXT, **headers: str
    ) -> None:
        # Close the connection after a request with a body: the body is not read, and must
        # not be taken for the next request.
        if self.head.has_body or self.server.crowded:
            self.close_connection = True
        content = body.encode("utf-8", "replace") if isinstance(body, str) else body
        head = self._head(status, len(content), {"Content-Type": content_type, **headers})
        self.connection.sendall(head if self.head.method == "HEAD" else head + content)

    def refuse(self, error: RequestError) -> None:
        """Answer a request that is not valid HTTP."""
        content = f"{error.status.value} {error}\n".encode()
        head = self._head(error.status, len(content), {"Content-Type": _TEXT})
        self.connection.sendall(head + content)

    def _head(self, status: HTTPStatus, body_bytes: int, headers: Mapping[str, str]) -> bytes:
        """Return the head of a response, which counts as sent."""
        self.connection.settimeout(self.settings.request_timeout_s)
        self.self_metrics.count(status)
        always = {"Content-Length": str(body_bytes), "X-Content-Type-Options": "nosniff"}
        if self.close_connection:
            always["Connection"] = "close"
        return response_head(status, {**self.gate.headers, **headers, **always})
