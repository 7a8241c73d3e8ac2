"""Client of a server's JSON API: of this machine's server by its socket, of others by URL.

Only the owner of the data directory can open the control socket in it, so a request
through it has the rights of an administrator and needs no password.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import aiohttp
import click

from daemon.data_directory import DataDirectory
from daemon.errors import ControlError
from model.process.terminal_text import escape_controls

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """The server to talk to: the one at `url`, or the one that uses `data_directory`."""

    data_directory: DataDirectory
    url: str | None = None
    token: str | None = None


class Control:
    """Sends requests to the JSON API of one server."""

    def __init__(self, session: aiohttp.ClientSession, base_url: str) -> None:
        self._session, self._base_url = session, base_url

    async def request(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Any:
        """Return the JSON document of the response, None if it is empty.

        Raises:
            ControlError: the server cannot be reached or refused the request.
        """
        return await self._answer(method, path, json=body, params=params)

    async def _answer(self, method: str, path: str, **options: Any) -> Any:
        try:
            async with self._session.request(method, self._base_url + path, **options) as response:
                document = None if response.status == 204 else await response.json()
                if response.status >= 400:
                    raise ControlError(_reason(document, response.status))
                return document
        except aiohttp.ContentTypeError as exc:
            raise ControlError(f"{self._base_url}: not a Redshank server") from exc
        except (aiohttp.ClientError, TimeoutError) as exc:
            raise ControlError(f"{self._base_url}: {exc or 'timed out'}") from exc

    async def download(self, path: str, params: Mapping[str, str]) -> AsyncIterator[bytes]:
        """Iterate over the body of a response.

        Raises:
            ControlError: the server cannot be reached, refused the request or broke off.
        """
        timeout = aiohttp.ClientTimeout(total=None, sock_read=600)
        try:
            async with self._session.get(
                self._base_url + path, params=params, timeout=timeout
            ) as response:
                if response.status >= 400:
                    raise ControlError(_reason(await response.json(), response.status))
                async for chunk in response.content.iter_chunked(2**18):
                    yield chunk
        except aiohttp.ContentTypeError as exc:
            raise ControlError(f"{self._base_url}: not a Redshank server") from exc
        except (aiohttp.ClientError, TimeoutError) as exc:
            raise ControlError(f"{self._base_url}: {exc or 'timed out'}") from exc

    async def upload(self, path: str, params: Mapping[str, str], body: bytes) -> Any:
        """Send a file; return the JSON document of the response.

        Raises:
            ControlError: the server cannot be reached or refused the request.
        """
        return await self._answer("POST", path, params=params, data=body)


def _reason(document: Any, status: int) -> str:
    if isinstance(document, dict) and document.get("error"):
        return escape_controls(str(document["error"]))
    return f"the server answered HTTP {status}"


async def with_control(address: ServerAddress, work: Callable[[Control], Awaitable[T]]) -> T:
    """Connect to a server, call `work` and return its result.

    Raises:
        ControlError: the server cannot be reached or refused a request.
    """
    timeout = aiohttp.ClientTimeout(total=130)
    if address.url:
        headers = {"Authorization": f"Bearer {address.token}"} if address.token else {}
        async with aiohttp.ClientSession(headers=headers, timeout=timeout) as session:
            return await work(Control(session, address.url.rstrip("/")))
    directory = address.data_directory
    if not directory.control_socket.exists():
        raise ControlError(
            f"no server runs on {directory.path}: start one with `redshank server`, "
            "or name it with --data-dir or --url"
        )
    with directory.socket_address() as path:
        connector = aiohttp.UnixConnector(path)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            return await work(Control(session, "http://localhost"))


def call(address: ServerAddress, work: Callable[[Control], Awaitable[T]]) -> T:
    """Connect to a server, call `work` and return its result; for commands.

    Raises:
        click.ClickException: the server cannot be reached or refused a request.
    """
    try:
        return asyncio.run(with_control(address, work))
    except ControlError as exc:
        raise click.ClickException(str(exc)) from exc
