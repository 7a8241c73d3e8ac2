"""Serves the web application on its address and on the control socket."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from daemon.data_directory import DataDirectory
from daemon.errors import ServerListenError
from model.addresses import ListenAddress
from web.http.bodies import SERVER_OPTIONS

_STOP_S = 10.0
"""How long open requests may take to end once the server stops."""


@asynccontextmanager
async def listening(
    app: web.Application, listen: ListenAddress, directory: DataDirectory
) -> AsyncIterator[ListenAddress]:
    """Serve the application until the block ends.

    Yields:
        The address; its port is the actual one if `listen` has port 0.

    Raises:
        ServerListenError: the server cannot listen on the address.
    """
    runner = web.AppRunner(
        app,
        access_log=None,
        handler_cancellation=True,
        shutdown_timeout=_STOP_S,
        **SERVER_OPTIONS,
    )
    await runner.setup()
    try:
        with directory.socket_address() as path:
            await asyncio.to_thread(directory.control_socket.unlink, missing_ok=True)
            await web.UnixSite(runner, path).start()
            await asyncio.to_thread(directory.control_socket.chmod, 0o600)
            yield await _listen(runner, listen)
    finally:
        await runner.cleanup()


async def _listen(runner: web.AppRunner, listen: ListenAddress) -> ListenAddress:
    try:
        await web.TCPSite(runner, listen.host or None, listen.port).start()
    except OSError as exc:
        reason = os.strerror(exc.errno) if exc.errno else str(exc)
        raise ServerListenError(
            f"cannot listen on {listen}: {reason}; try another --listen"
        ) from exc
    port = next(address[1] for address in runner.addresses if isinstance(address, tuple))
    return ListenAddress(listen.host, port)
