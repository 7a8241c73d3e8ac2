"""aiohttp's runner of the application, whose connections have places and deadlines."""

from collections.abc import Callable
from typing import Any

from aiohttp import web

from model.limits import LimitName, Refusals
from model.process.descriptors import descriptor_limit
from web.connections.places import Capacity, ConnectionPlaces
from web.connections.protocol import ConnectionServer, Deadlines
from web.http.bodies import SERVER_OPTIONS
from web.settings import ConnectionSettings


def _none() -> int:
    return 0


class HttpRunner(web.AppRunner):
    """Runs the application.

    Args:
        app: the application.
        settings: numbers and deadlines of connections.
        refusals: counts what each limit refused.
        targets: returns how many targets the server scrapes.
        options: further options of `web.AppRunner`.

    Attributes:
        places: the places of connections.
    """

    def __init__(
        self,
        app: web.Application,
        settings: ConnectionSettings,
        refusals: Refusals,
        targets: Callable[[], int] = _none,
        **options: Any,
    ) -> None:
        options = {**SERVER_OPTIONS, "access_log": None, **options, "handler_cancellation": True}
        super().__init__(app, **options)
        self._deadlines = Deadlines(
            settings.header_timeout_s, settings.idle_timeout_s, settings.send_timeout_s
        )
        self._refusals = refusals
        capacity = Capacity(settings.total, settings.per_address, descriptor_limit())
        self.places = ConnectionPlaces(capacity, targets, self._refused)

    def _refused(self, limit: LimitName) -> None:
        self._refusals.count(limit)

    @property
    def connections(self) -> ConnectionServer:
        """The server that makes the protocol of each connection, after `setup`."""
        server = self.server
        if not isinstance(server, ConnectionServer):
            raise TypeError("the runner is not set up")
        return server

    async def _make_server(self) -> web.Server:
        return self.watched(await super()._make_server())

    def watched(self, server: web.Server) -> ConnectionServer:
        """Return a server whose connections share the places and deadlines of the application."""
        return ConnectionServer(
            server,
            self.places,
            self._deadlines,
            self._refused,
            # aiohttp's own timer must not be the first to close an idle connection.
            {**SERVER_OPTIONS, "access_log": None, "keepalive_timeout": 2 * self._deadlines.idle_s},
        )
