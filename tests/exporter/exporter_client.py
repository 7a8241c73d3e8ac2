"""HTTP client of a running exporter."""

import http.client
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

from exporter.serving.server import Exporter
from exporter.settings import ExporterSettings


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


class Client:
    """Sends requests to one exporter, each on a connection of its own."""

    def __init__(self, exporter: Exporter) -> None:
        self.exporter = exporter

    def get(
        self, path: str, method: str = "GET", body: bytes | None = None, **headers: str
    ) -> Reply:
        host, port = self.exporter.address
        with closing(http.client.HTTPConnection(host, port, timeout=30)) as connection:
            connection.request(
                method, path, body, {k.replace("_", "-"): v for k, v in headers.items()}
            )
            response = connection.getresponse()
            return Reply(response.status, response.headers, response.read())


Serve = Callable[[ExporterSettings], Client]
