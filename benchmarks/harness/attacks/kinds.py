"""What each kind of abusive client does: one coroutine each, repeated until it is cancelled.

Every client has a loopback address of its own, so that limits by address treat each as
one client, and a token of its own where its requests need one.
"""

import asyncio
import random
import socket
import struct
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import aiohttp
import cramjam

from benchmarks.harness.attacks.failures import doubling_labels
from benchmarks.harness.contenders.query_paths import instant_path, range_path
from benchmarks.harness.load.remote_write_format import WRITE_HEADERS, label, message_field, varint
from benchmarks.harness.loopback import client_address

IDLE_EACH = 20
"""Connections that one idle client holds."""

_SERIES_EACH_PUSH = 2000
_LABEL_BYTES = 200
_REFUSED_PAUSE_S = 0.2
_RECONNECT_PAUSE_S = 2.0
_HEAVY = (
    "sum_over_time(vector(1)[568d:1s])",
    "quantile_over_time(0.5, vector(1)[1000000s:1ms])",
    "{__name__=~'.+'}",
    "sum by (n) (rate({__name__=~'.+_total'}[5m]))",
    "label_join(label_join(vector(1), 'a', 'x', 'b', 'b'), 'b', 'a', 'a', 'a')",
    "count_values('v', {__name__=~'.+'}) * on () group_left count({__name__=~'.+'})",
)
# The label has 268 MB.
_LEVELS = 25
_BROKEN_REQUESTS = (
    b"GET\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64),
    b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: " + b"a" * 100_000 + b"\r\n\r\n",
    b"POST /api/v1/write HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    b"GET /metrics HTTP/9.9\r\n\r\n",
)


@dataclass(slots=True)
class Attacker:
    """One abusive client.

    Attributes:
        number: decides its address and its random choices.
        host, port: of the server.
        token: of a user; "" without one.
        seen: how often the server answered what: a status, or the kind of an error.
    """

    number: int
    host: str
    port: int
    token: str = ""
    seen: Counter[str] = field(default_factory=Counter)

    @property
    def source(self) -> tuple[str, int]:
        """The client's own address."""
        return client_address(self.number), 0

    @property
    def url(self) -> str:
        """The server's URL."""
        return f"http://{self.host}:{self.port}"

    def headers(self) -> Mapping[str, str]:
        """Return the headers of a request."""
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    def session(self) -> aiohttp.ClientSession:
        """Return a client session from the client's address."""
        connector = aiohttp.TCPConnector(
            local_addr=self.source, resolver=aiohttp.ThreadedResolver(), family=socket.AF_INET
        )
        timeout = aiohttp.ClientTimeout(total=120)
        return aiohttp.ClientSession(connector=connector, headers=self.headers(), timeout=timeout)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a connection from the client's address."""
        return await asyncio.open_connection(self.host, self.port, local_addr=self.source)


Attack = Callable[[Attacker], Awaitable[None]]


async def idle(attacker: Attacker) -> None:
    """Hold connections without a request, half of them with the beginning of one."""

    async def hold(number: int) -> None:
        reader, writer = await attacker.connect()
        try:
            if number % 2:
                writer.write(b"GET / HTTP/1.1\r\nHost: ")
            answer = await reader.read(64)
            attacker.seen["answered" if answer else "closed"] += 1
        finally:
            writer.close()

    async def hold_again(number: int) -> None:
        while True:
            try:
                await hold(number)
            except OSError as exc:
                attacker.seen[type(exc).__name__] += 1
            await asyncio.sleep(_RECONNECT_PAUSE_S)

    async with asyncio.TaskGroup() as tasks:
        for number in range(IDLE_EACH):
            tasks.create_task(hold_again(number))


async def slow_body(attacker: Attacker) -> None:
    """Send a request's body byte by byte."""
    reader, writer = await attacker.connect()
    try:
        head = "POST /auth/token HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        writer.write(f"{head}Content-Length: 100000\r\n\r\n".encode())
        answer = asyncio.ensure_future(reader.read(64))
        while not answer.done():
            writer.write(b" ")
            await asyncio.wait([answer], timeout=1)
        words = answer.result().split()
        attacker.seen[words[1].decode() if len(words) > 1 else "closed"] += 1
    finally:
        writer.close()


async def heavy_query(attacker: Attacker) -> None:
    """Send queries that need too much of everything."""
    chooser = random.Random(attacker.number)
    nested = doubling_labels(_LEVELS)
    async with attacker.session() as session:
        while True:
            query, now_s = chooser.choice([*_HEAVY, nested]), time.time()
            path = chooser.choice(
                [instant_path(query, now_s), range_path(query, now_s - 3600, now_s, 1)]
            )
            await _request(attacker, session, "GET", path)


async def new_series(attacker: Attacker) -> None:
    """Push series that all are new, with long labels."""
    async with attacker.session() as session:
        number = 0
        while True:
            number += 1
            body = cardinality_body(attacker.number, number, round(time.time() * 1000))
            await _request(attacker, session, "POST", "/api/v1/write", body, WRITE_HEADERS)


def cardinality_body(client: int, request: int, time_ms: int) -> bytes:
    """Return a remote-write request whose series are all new."""
    sample = b"\x09" + struct.pack("<d", 1.0) + b"\x10" + varint(time_ms)
    filling = "x" * _LABEL_BYTES
    series = (
        label("__name__", "chaos_abuse")
        + label("client", str(client))
        + label("filling", filling)
        + label("n", f"{request}-{number}")
        + message_field(2, sample)
        for number in range(_SERIES_EACH_PUSH)
    )
    return bytes(cramjam.snappy.compress_raw(b"".join(message_field(1, one) for one in series)))


async def live_stream(attacker: Attacker) -> None:
    """Subscribe to many streams and read slowly."""
    async with (
        attacker.session() as session,
        session.ws_connect(attacker.url + "/ws/metrics") as stream,
    ):
        for number in range(32):
            subscription = {"type": "subscribe", "id": str(number), "interval_s": 1}
            await stream.send_json({**subscription, "query": "{__name__=~'chaos.+|node_.+'}"})
        async for message in stream:
            attacker.seen[message.type.name] += 1
            await asyncio.sleep(0.5)
    attacker.seen["closed"] += 1


async def guess_password(attacker: Attacker) -> None:
    """Guess the passwords of accounts."""
    async with attacker.session() as session:
        number = 0
        while True:
            number += 1
            guess = {"username": f"guessed-{number % 5}", "password": f"password{number}"}
            await _request(attacker, session, "POST", "/auth/token", document=guess)


async def broken_request(attacker: Attacker) -> None:
    """Send requests that are not HTTP."""
    for request in _BROKEN_REQUESTS:
        reader, writer = await attacker.connect()
        try:
            writer.write(request)
            words = (await asyncio.wait_for(reader.read(64), 30)).split()
            attacker.seen[words[1].decode() if len(words) > 1 else "closed"] += 1
        finally:
            writer.close()
        await asyncio.sleep(_REFUSED_PAUSE_S)


async def _request(
    attacker: Attacker,
    session: aiohttp.ClientSession,
    method: str,
    path: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    document: object = None,
) -> None:
    """Send a request and read the answer; pause as a refused client does."""
    async with session.request(
        method, attacker.url + path, data=body, headers=headers, json=document
    ) as answer:
        while await answer.content.readany():
            pass
        attacker.seen[str(answer.status)] += 1
    if answer.status >= 300:
        await asyncio.sleep(_REFUSED_PAUSE_S)


KINDS: Mapping[str, Attack] = {
    "idle": idle,
    "slow_body": slow_body,
    "heavy_query": heavy_query,
    "new_series": new_series,
    "live_stream": live_stream,
    "guess_password": guess_password,
    "broken_request": broken_request,
}
