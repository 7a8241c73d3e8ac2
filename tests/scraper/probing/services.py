"""Servers on loopback that probes ask: they answer whatever bytes a test gives them."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from model.clock import system_clock
from model.network.name_lookup import NameLookup
from model.probing.definitions import ProbeDefinition
from scraper.fetching.address_policy import AddressPolicy
from scraper.probing.prober import ProbeOutcome, Prober

Answer = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


def definition(kind: str, target: str, **fields: Any) -> ProbeDefinition:
    """Return a definition without retries."""
    return ProbeDefinition.model_validate(
        {"name": "probe", "kind": kind, "target": target, "retries": 0} | fields
    )


async def probed(
    kind: str, target: str, policy: AddressPolicy | None = None, **fields: Any
) -> ProbeOutcome:
    """Return the outcome of one run of a probe."""
    prober = Prober(NameLookup(), system_clock)
    return await prober.run(definition(kind, target, **fields), policy)


def replying(content: bytes) -> Answer:
    """Return an answer that is always the same bytes."""

    async def answer(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(content)

    return answer


def http(
    body: bytes = b"", status: str = "200 OK", headers: Mapping[str, str] | None = None
) -> Answer:
    """Return an answer of an HTTP server."""
    given = {"Content-Length": str(len(body))} | dict(headers or {})
    head = "".join(f"{name}: {value}\r\n" for name, value in given.items())
    return replying(f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body)


@asynccontextmanager
async def answering(
    answer: Answer, tls: ssl.SSLContext | None = None, requests: list[bytes] | None = None
) -> AsyncIterator[int]:
    """Serve on a free port of loopback; yield it. `requests` gets the head of each request."""

    handlers = set[asyncio.Task[None]]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handler = asyncio.current_task()
        assert handler is not None
        handlers.add(handler)
        try:
            request = await reader.readuntil(b"\r\n\r\n")
            if requests is not None:
                requests.append(request)
            await answer(request, writer)
            await writer.drain()
        except (OSError, EOFError):
            return
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1]
        # From Python 3.12 on, a server waits for its handlers; some would never end.
        for handler in handlers:
            handler.cancel()
