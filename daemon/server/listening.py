"""Serves the web application on its address and on the control socket, and OTLP over gRPC."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from daemon.data_directory import DataDirectory
from daemon.errors import ConfigurationError, ServerListenError
from ingest.otlp.receiver import OtlpReceiver
from model.addresses import ListenAddress
from model.conditions import Conditions
from model.limits import Refusals
from model.web_config.live import LiveWebConfig
from web.connections.accepting import Acceptor
from web.connections.places import ConnectionPlaces
from web.connections.runner import HttpRunner
from web.identity.push_admission import PushAdmission
from web.settings import WebSettings

_GRPC: Final = "ingest.otlp_grpc_listen"
_STOP_S = 10.0
"""How long open requests may take to end once the server stops."""


@dataclass(frozen=True, slots=True)
class Doors:
    """The settings and services that the listening sockets depend on.

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


@dataclass(frozen=True, slots=True)
class Listening:
    """The sockets that the server listens on.

    Attributes:
        address: its port is the actual one if the configured one is 0.
        places: the places of connections.
    """

    address: ListenAddress
    places: ConnectionPlaces


@asynccontextmanager
async def listening(
    app: web.Application, listen: ListenAddress, doors: Doors
) -> AsyncIterator[Listening]:
    """Serve the application until the block ends.

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
                opened = Listening(address, runner.places)
                if doors.web_config is None or not doors.web_config.serves_tls:
                    yield opened
                    return
                async with _redirecting(runner, doors, address.port):
                    yield opened
    finally:
        await runner.cleanup()


@asynccontextmanager
async def otlp_grpc(
    listen: str | None,
    receiver: OtlpReceiver,
    admission: PushAdmission,
    doors: Doors,
    places: ConnectionPlaces,
) -> AsyncIterator[ListenAddress | None]:
    """Serve OTLP over gRPC until the block ends; yield the address with the actual port.

    Args:
        listen: the address; None serves nothing.
        receiver: that of OTLP over HTTP.
        admission: admits the senders.
        doors: what listening depends on.
        places: the places of all connections of clients.

    Raises:
        ConfigurationError: grpcio is not installed.
        ServerListenError: the server cannot listen on the address.
    """
    if listen is None:
        yield None
        return
    try:
        from web.ingest.otlp_grpc import OtlpGrpcServer
    except ImportError as exc:
        message = f"{_GRPC}: grpcio is not installed; pip install 'redshank[server,grpc]'"
        raise ConfigurationError(message) from exc
    from web.connections.relay import Relay

    connections, socket = doors.settings.connections, doors.directory.otlp_grpc_socket
    with doors.directory.socket_address(socket) as path:
        relay = Relay(path, places, connections.send_timeout_s)
        server = OtlpGrpcServer(receiver, admission, connections, relay.client)
        await asyncio.to_thread(socket.unlink, missing_ok=True)
        await server.start(path)
        await asyncio.to_thread(socket.chmod, 0o600)
        acceptor = Acceptor(
            relay, places, doors.settings, doors.conditions, doors.web_config, http2=True
        )
        try:
            async with _accepting(
                acceptor, ListenAddress.parse(listen), f"change {_GRPC}"
            ) as opened:
                yield opened
        finally:
            await server.stop()
            await relay.close()


@asynccontextmanager
async def _accepting(
    acceptor: Acceptor, listen: ListenAddress, hint: str = "try another --listen"
) -> AsyncIterator[ListenAddress]:
    """Accept connections until the block ends; yield the address with the actual port.

    Raises:
        ServerListenError: the server cannot listen on the address; the message ends with `hint`.
    """
    try:
        yield ListenAddress(listen.host, await _listen(acceptor, listen, hint))
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


async def _listen(acceptor: Acceptor, listen: ListenAddress, hint: str) -> int:
    try:
        return await acceptor.listen(listen.host, listen.port)
    except OSError as exc:
        reason = os.strerror(exc.errno) if exc.errno and exc.errno > 0 else str(exc)
        raise ServerListenError(f"cannot listen on {listen}: {reason}; {hint}") from exc
