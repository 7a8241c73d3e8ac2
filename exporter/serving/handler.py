"""Handles the requests of one connection: `/metrics`, `/health` and a page of links."""

import html
import io
import math
import socket
import threading
from collections.abc import Callable, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import parse_qs, urlsplit

from exporter.errors import UnknownCollectorError
from exporter.logs import Log
from exporter.serving.gate import ClientGate
from exporter.serving.listener import Listener, TimedReader

if TYPE_CHECKING:
    from exporter.gathering.gatherer import Gatherer
    from exporter.gathering.self_metrics import SelfMetrics
    from exporter.serving.encoding import Encoder
    from exporter.settings import ExporterSettings

log = Log(__name__)

_TEXT = "text/plain; charset=utf-8"
_MAX_QUERY_FIELDS = 200
_TIMEOUT_HEADER = "X-Prometheus-Scrape-Timeout-Seconds"
_TIMEOUT_SHARE = 0.9


class Handler(BaseHTTPRequestHandler):
    """Handles one connection, on which requests follow one another.

    `Handler.bound` makes the subclass that holds the objects all connections share.
    """

    protocol_version = "HTTP/1.1"
    # http.server's default, 0.9, answers an invalid request without a status line.
    default_request_version = "HTTP/1.0"
    server_version = "redshank-exporter"
    sys_version = ""
    error_content_type = _TEXT
    error_message_format = "%(code)d %(message)s\n"

    server: Listener
    settings: ClassVar["ExporterSettings"]
    gatherer: ClassVar["Gatherer"]
    encoder: ClassVar["Encoder"]
    self_metrics: ClassVar["SelfMetrics"]
    gate: ClassVar[ClientGate]
    scrapes: ClassVar[threading.Semaphore]

    @classmethod
    def bound(
        cls,
        settings: "ExporterSettings",
        gatherer: "Gatherer",
        encoder: "Encoder",
        self_metrics: "SelfMetrics",
        gate: ClientGate,
    ) -> type["Handler"]:
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
        self.rfile = io.BufferedReader(self._timed)
        self.wfile = self.connection.makefile("wb")

    def handle_one_request(self) -> None:
        """Wait for a request within the time allowed and answer it."""
        self._timed.allow(self._patience_s)
        self.server.idle(self.connection, is_idle=True)
        try:
            waiting = self.rfile.peek(1)  # type: ignore[attr-defined]
        except OSError:  # The client took too long, or closed the connection.
            waiting = b""
        finally:
            self.server.idle(self.connection, is_idle=False)
        if not waiting:
            self.close_connection = True
            return
        self._timed.allow(self.settings.request_timeout_s)
        super().handle_one_request()
        self._patience_s = self.settings.idle_timeout_s

    def parse_request(self) -> bool:
        """Return whether the request is well formed and admitted; answer it if it is not."""
        if not super().parse_request():
            return False
        self.server.serving(self.connection)
        refusal = self.gate.refusal(self.headers.get("Authorization", ""))
        if refusal is None:
            return True
        login = {"WWW-Authenticate": "Basic"} if refusal is HTTPStatus.UNAUTHORIZED else {}
        self._answer(refusal, f"{refusal.phrase.lower()}\n", **login)
        self.wfile.flush()
        return False

    def end_headers(self) -> None:
        """End the headers with those of the web configuration."""
        for name, value in self.gate.headers.items():
            # Every answer has it already.
            if name != "X-Content-Type-Options":
                self.send_header(name, value)
        super().end_headers()

    def do_GET(self) -> None:
        """Answer a GET."""
        try:
            url = urlsplit(self.path)
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

    do_HEAD = do_GET  # noqa: N815

    def _refuse(self) -> None:
        self._answer(HTTPStatus.METHOD_NOT_ALLOWED, "GET or HEAD only\n", Allow="GET, HEAD")

    do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _refuse  # noqa: N815

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
            families, self.headers.get("Accept", ""), self.headers.get("Accept-Encoding", "")
        )
        headers = {"Vary": "Accept, Accept-Encoding"}
        if encoded.content_encoding:
            headers["Content-Encoding"] = encoded.content_encoding
        self._answer(HTTPStatus.OK, encoded.body, encoded.content_type, **headers)

    def _scrape_timeout_s(self) -> float:
        """Return how long the scraper waits, less a tenth for sending the response."""
        try:
            timeout_s = float(self.headers.get(_TIMEOUT_HEADER, ""))
        except ValueError:
            return math.inf
        return timeout_s * _TIMEOUT_SHARE if timeout_s > 0 else math.inf

    def _health(self, _: dict[str, list[str]]) -> None:
        self._answer(HTTPStatus.OK, "ok\n")

    def _landing(self, _: dict[str, list[str]]) -> None:
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
        content = body.encode("utf-8", "replace") if isinstance(body, str) else body
        # Close the connection after a request with a body: the body is not read, and must
        # not be taken for the next request.
        if (
            "Content-Length" in self.headers
            or "Transfer-Encoding" in self.headers
            or self.server.crowded
        ):
            self.close_connection = True
        self.connection.settimeout(self.settings.request_timeout_s)
        self.self_metrics.count(status)
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("X-Content-Type-Options", "nosniff")
        for name, value in headers.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer a request that is not valid HTTP."""
        self.connection.settimeout(self.settings.request_timeout_s)
        self.self_metrics.count(HTTPStatus(code))
        super().send_error(code, message, explain)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Log no requests: a scrape every few seconds is not worth a line."""
