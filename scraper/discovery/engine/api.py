"""Requests to the APIs of service discovery: whole answers, limited in size and time."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import aiohttp
from multidict import CIMultiDict, CIMultiDictProxy
from pydantic import ConfigDict, TypeAdapter, ValidationError

from model.base_models import NullDefaultsModel
from scraper.discovery.groups import DiscoveryError
from scraper.errors import FetchError
from scraper.fetching.http_access import HttpAccess
from scraper.fetching.http_session import HttpSession, failure_message
from scraper.messages import one_line

MAX_BODY_BYTES = 64 * 2**20
# 8 MiB: the largest object that etcd stores has 1.5 MiB.
MAX_LINE_BYTES = 8 * 2**20
_MAX_ERROR_BYTES = 4096
# Prometheus waits as long for one page of an API.
_TIMEOUT_S = 30.0
# Up to this size an answer is parsed on the event loop: it takes under a millisecond.
_SMALL_BYTES = 2**16

T = TypeVar("T")


class ApiObject(NullDefaultsModel):
    """A part of an API's answer; unknown fields are ignored, null means the default."""

    model_config = ConfigDict(extra="ignore", frozen=True)


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """One request to an API.

    Attributes:
        url: the URL, with its query.
        access: credentials, TLS and proxy.
        headers: further headers.
        method, body: for requests other than GET.
        timeout_s: limit of the whole exchange.
    """

    url: str
    access: HttpAccess
    headers: tuple[tuple[str, str], ...] = ()
    method: str = "GET"
    body: bytes | None = None
    timeout_s: float = _TIMEOUT_S


@dataclass(frozen=True, slots=True)
class ApiAnswer:
    """A complete successful answer."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes


class ApiStatusError(DiscoveryError):
    """The API answered with a status that is not a success.

    Attributes:
        status: the HTTP status.
    """

    def __init__(self, status: int, text: str) -> None:
        super().__init__(one_line(f"server returned HTTP status {status}: {text}".rstrip(": ")))
        self.status = status


async def request(session: HttpSession, wanted: ApiRequest) -> ApiAnswer:
    """Send a request and return the complete answer.

    Raises:
        ApiStatusError: the status is not 2xx.
        DiscoveryError: there is no answer, it is too large, or it takes too long.
    """
    try:
        async with asyncio.timeout(wanted.timeout_s):
            response = await session.send(
                wanted.url,
                wanted.access,
                _headers(wanted.headers),
                method=wanted.method,
                data=wanted.body,
            )
            async with response:
                if not 200 <= response.status < 300:
                    text = await response.content.read(_MAX_ERROR_BYTES)
                    raise ApiStatusError(response.status, text.decode(errors="replace"))
                body = await read_body(response)
                return ApiAnswer(response.status, response.headers, body)
    except TimeoutError as exc:
        raise DiscoveryError(f"timed out after {wanted.timeout_s:g} s") from exc
    except FetchError as exc:
        raise DiscoveryError(str(exc)) from exc
    except (aiohttp.ClientError, OSError, ValueError) as exc:
        raise DiscoveryError(failure_message(exc)) from exc


def _headers(pairs: tuple[tuple[str, str], ...]) -> Mapping[str, str]:
    return CIMultiDict([("Accept", "application/json"), *pairs])


async def read_body(response: aiohttp.ClientResponse) -> bytes:
    """Return the whole body.

    Raises:
        DiscoveryError: it is larger than `MAX_BODY_BYTES`.
    """
    body = bytearray()
    while chunk := await response.content.readany():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            response.close()
            raise DiscoveryError(f"body larger than {MAX_BODY_BYTES} bytes")
    return bytes(body)


async def decode(adapter: TypeAdapter[T], body: bytes) -> T:
    """Return a JSON body as the type of `adapter`.

    Raises:
        DiscoveryError: it is not JSON, or not what the API documents.
    """
    try:
        if len(body) <= _SMALL_BYTES:
            return adapter.validate_json(body)
        return await asyncio.to_thread(adapter.validate_json, body)
    except ValidationError as exc:
        raise DiscoveryError(unexpected(exc)) from exc


def unexpected(exc: ValidationError) -> str:
    """Return on one line what an answer has wrong."""
    first = exc.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return one_line(f"unexpected answer: {place}: {first['msg']}" if place else first["msg"])


async def get(session: HttpSession, wanted: ApiRequest, adapter: TypeAdapter[T]) -> T:
    """Send a request and return its JSON body as the type of `adapter`.

    Raises:
        DiscoveryError: there is no answer, or not what the API documents.
    """
    return await decode(adapter, (await request(session, wanted)).body)


async def each_line(
    session: HttpSession, wanted: ApiRequest, handle: Callable[[bytes], None]
) -> None:
    """Send a request and pass each line of the endless answer to `handle`.

    Returns when the server ends the answer. `timeout_s` of the request limits the time
    between two pieces of the answer.

    Raises:
        ApiStatusError: the status is not 2xx.
        DiscoveryError: there is no answer, a line is too long, or nothing arrives.
    """
    try:
        async with asyncio.timeout(wanted.timeout_s):
            response = await session.send(wanted.url, wanted.access, _headers(wanted.headers))
        async with response:
            if not 200 <= response.status < 300:
                async with asyncio.timeout(wanted.timeout_s):
                    text = await response.content.read(_MAX_ERROR_BYTES)
                raise ApiStatusError(response.status, text.decode(errors="replace"))
            await _read_lines(response, wanted.timeout_s, handle)
    except TimeoutError as exc:
        raise DiscoveryError(f"no data for {wanted.timeout_s:g} s") from exc
    except FetchError as exc:
        raise DiscoveryError(str(exc)) from exc
    except (aiohttp.ClientError, OSError, ValueError) as exc:
        raise DiscoveryError(failure_message(exc)) from exc


async def _read_lines(
    response: aiohttp.ClientResponse, timeout_s: float, handle: Callable[[bytes], None]
) -> None:
    rest = bytearray()
    while True:
        async with asyncio.timeout(timeout_s):
            chunk = await response.content.readany()
        if not chunk:
            return
        rest += chunk
        if b"\n" in chunk:
            *lines, last = rest.split(b"\n")
            for line in lines:
                if line.strip():
                    handle(bytes(line))
            rest = last
        if len(rest) > MAX_LINE_BYTES:
            raise DiscoveryError(f"line longer than {MAX_LINE_BYTES} bytes")
