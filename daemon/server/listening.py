"""Serves the web application on its address and on the control socket."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from daemon.data_directory import DataDirectory
from daemon.errors import ServerListenError
from model.addresses import ListenAddress
from model.conditions import Conditions
from model.limits import Refusals
from model.web_config.live import LiveWebConfig
from web.connections.accepting import Acceptor
from web.connections.runner import HttpRunner
from web.settings import WebSettings

_STOP_S = 10.0
"""How long open requests may take to end once the server stops."""


@dataclass(frozen=True, slots=True)
class Doors:
    """What the server's listening depends on.

    Attributes:
        settings: section `web` of the configuration.
        directory: the data directory, which holds the control socket.
        refusals: counts what each limit refused.
        conditions: where a lack of descriptors is reported.
        web_config: TLS; None for plain HTTP.
        targets: returns how many targets are scraped, each of which needs a descriptor.
    """

    settings: WebSettings
    directory: DataDirectory
    refusals: Refusals
    conditions: Conditions
    targets: Callable[[], int]
    web_config: LiveWebConfig | None = None


@asynccontextmanager
async def listening(
    app: web.Application, listen: ListenAddress, doors: Doors
) -> AsyncIterator[ListenAddress]:
    """Serve the application until the block ends.

    Yields:
        The address; its port is the actual one if `listen` has port 0.

    Raises:
        ServerListenError: the server cannot listen on the address.
    """
    runner = HttpRunner(
        app,
        doors.settings.connections,
        doors.refusals,
        doors.targets,
        shutdown_timeout=_STOP_S,
    )
    await runner.setup()
    directory = doors.directory
    try:
        with directory.socket_address() as path:
            await asyncio.to_thread(directory.control_socket.unlink, missing_ok=True)
            await web.UnixSite(runner, path).start()
            await asyncio.to_thread(directory.control_socket.chmod, 0o600)
            acceptor = Acceptor(
                runner.connections,
                runner.places,
                doors.settings,
                doors.conditions,
                doors.web_config,
            )
            async with _accepting(acceptor, listen) as address:
                if doors.web_config is None or not doors.web_config.serves_tls:
                    yield address
                    return
                async with _redirecting(runner, doors, address.port):
                    yield address
    finally:
        await runner.cleanup()


@asynccontextmanager
async def _accepting(acceptor: Acceptor, listen: ListenAddress) -> AsyncIterator[ListenAddress]:
    try:
        yield ListenAddress(listen.host, await _listen(acceptor, listen))
    finally:
        await acceptor.close()


@asynccontextmanager
async def _redirecting(runner: HttpRunner, doors: Doors, https_port: int) -> AsyncIterator[None]:
    """Redirect plain HTTP of `web.tls.redirect_from`, if there is such an address."""
    tls = doors.settings.tls
    if tls is None or tls.redirect_from is None:
        yield
        return
    from web.connections.redirect import redirect_server

    server = runner.watched(redirect_server(doors.settings, https_port))
    acceptor = Acceptor(server, runner.places, doors.settings, doors.conditions)
    try:
        async with _accepting(acceptor, ListenAddress.parse(tls.redirect_from)):
            yield
    finally:
        await server.shutdown(_STOP_S)


async def _listen(acceptor: Acceptor, listen: ListenAddress) -> int:
    try:
        return await acceptor.listen(listen.host, listen.port)
    except OSError as exc:
        reason = os.strerror(exc.errno) if exc.errno and exc.errno > 0 else str(exc)
        raise ServerListenError(
            f"cannot listen on {listen}: {reason}; try another --listen"
        ) from exc
