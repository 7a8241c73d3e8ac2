import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from daemon.data_directory import DataDirectory
from daemon.errors import ServerListenError
from daemon.server.listening import Doors, listening
from model.addresses import ListenAddress
from model.clock import system_clock
from model.conditions import Conditions
from model.limits import Refusals
from web.settings import WebSettings


def doors(directory: DataDirectory) -> Doors:
    return Doors(WebSettings(), directory, Refusals(), Conditions(system_clock), lambda: 0)


def greeting(ended: list[str]) -> web.Application:
    """Return an application that answers `hello` and appends to `ended` on its clean-up."""

    async def hello(_: web.Request) -> web.Response:
        return web.Response(text="hello")

    async def life(_: web.Application) -> AsyncIterator[None]:
        yield
        ended.append("application")

    app = web.Application()
    app.router.add_get("/", hello)
    app.cleanup_ctx.append(life)
    return app


async def fetched(url: str, connector: aiohttp.BaseConnector | None = None) -> str:
    """Return the body of a GET."""
    async with aiohttp.ClientSession(connector=connector) as session, session.get(url) as answer:
        return await answer.text()


async def test_address_and_control_socket_answer_until_the_block_ends(tmp_path: Path) -> None:
    directory, ended = DataDirectory(tmp_path), list[str]()
    async with listening(
        greeting(ended), ListenAddress("127.0.0.1", 0), doors(directory)
    ) as opened:
        address = opened.address
        assert address.port != 0
        assert await fetched(address.local_url) == "hello"
        connector = aiohttp.UnixConnector(str(directory.control_socket))
        assert await fetched("http://redshank/", connector) == "hello"
        status = await asyncio.to_thread(directory.control_socket.stat)
        assert status.st_mode & 0o777 == 0o600
        assert not ended
    assert ended == ["application"]
    with pytest.raises(aiohttp.ClientConnectorError):
        await fetched(address.local_url)


async def test_address_in_use_is_an_error_and_the_application_is_cleaned_up(
    tmp_path: Path,
) -> None:
    ended = list[str]()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = ListenAddress("127.0.0.1", taken.getsockname()[1])
        with pytest.raises(ServerListenError, match="in use; try another --listen"):
            async with listening(greeting(ended), address, doors(DataDirectory(tmp_path))):
                pytest.fail("it listens")
    assert ended == ["application"]
