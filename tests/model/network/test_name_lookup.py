"""Name lookups: a name server that never answers delays nobody else."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator, Sequence

import pytest

from model.network.daemon_threads import DaemonThreads
from model.network.name_lookup import AddressInfo, NameLookup
from tests.patience import PATIENCE_S


class NameServer:
    """Answers `getaddrinfo`; names that begin with "dead" have no answer before `gate`."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.gate = threading.Event()
        self.error: OSError | None = None
        self.is_dead = False

    def __call__(self, host: str, port: int, **options: int) -> Sequence[AddressInfo]:
        self.asked.append(host)
        if self.is_dead or host.startswith("dead"):
            self.gate.wait(60)
        if self.error is not None:
            raise self.error
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", port))]


@pytest.fixture
def server() -> Iterator[NameServer]:
    server = NameServer()
    yield server
    server.gate.set()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - threads set no event of the loop
            await asyncio.sleep(0.001)


async def test_addresses_are_no_names(server: NameServer) -> None:
    lookup = NameLookup(server)
    assert (await lookup.addresses("127.0.0.1", 80))[0][4] == ("127.0.0.1", 80)
    assert (await lookup.addresses("::1", 80))[0][4] == ("::1", 80, 0, 0)
    assert server.asked == []


async def test_equal_lookups_are_one(server: NameServer) -> None:
    lookup = NameLookup(server)
    waiting = [asyncio.create_task(lookup.addresses("dead.example", 80)) for _ in range(50)]
    await until(lambda: bool(server.asked))
    server.gate.set()
    answers = await asyncio.gather(*waiting)
    assert len(set(map(str, answers))) == 1
    assert server.asked == ["dead.example"]


@pytest.mark.fault("DNS is dead")
async def test_name_that_was_slow_keeps_no_other_from_being_looked_up(server: NameServer) -> None:
    lookup = NameLookup(server, slow_s=0.0)
    server.gate.set()
    dead = [f"dead{number}.example" for number in range(40)]
    for name in dead:
        await lookup.addresses(name, 80)
    server.gate.clear()
    lookup._known.clear()
    waiting = [asyncio.create_task(lookup.addresses(name, 80)) for name in dead]
    await asyncio.sleep(0)
    async with asyncio.timeout(PATIENCE_S):
        assert await lookup.addresses("quick.example", 80)
    assert not any(task.done() for task in waiting)
    server.gate.set()
    await asyncio.gather(*waiting)


@pytest.mark.fault("DNS is dead")
async def test_last_known_addresses_serve_while_the_name_server_is_dead(
    server: NameServer,
) -> None:
    lookup = NameLookup(server, slow_s=0.01)
    known = await lookup.addresses("a.example", 80)
    server.is_dead = True
    assert await lookup.addresses("a.example", 80) == known
    server.gate.set()
    await until(lambda: not lookup._running)
    server.error = socket.gaierror(socket.EAI_AGAIN, "no answer")
    assert await lookup.addresses("a.example", 80) == known
    # A name that no longer exists is not used any more.
    server.error = socket.gaierror(socket.EAI_NONAME, "unknown")
    with pytest.raises(socket.gaierror):
        await lookup.addresses("a.example", 80)


async def test_last_known_addresses_are_forgotten_after_a_day(server: NameServer) -> None:
    now_s = 0.0
    lookup = NameLookup(server, lambda: now_s)
    await lookup.addresses("a.example", 80)
    now_s = 86_401.0
    server.error = socket.gaierror(socket.EAI_AGAIN, "no answer")
    with pytest.raises(socket.gaierror):
        await lookup.addresses("a.example", 80)


async def test_cancelled_caller_leaves_the_lookup_to_others(server: NameServer) -> None:
    lookup = NameLookup(server)
    first, second = (asyncio.create_task(lookup.addresses("dead.x", 80)) for _ in range(2))
    await until(lambda: bool(server.asked))
    first.cancel()
    await asyncio.wait([first])
    server.gate.set()
    assert await second


def test_threads_are_bounded_and_end() -> None:
    threads, gate = DaemonThreads(3, "bounded"), threading.Event()
    begun = threading.Semaphore(0)

    def work() -> None:
        begun.release()
        gate.wait(60)

    futures = [threads.submit(work) for _ in range(10)]
    for _ in range(3):
        assert begun.acquire(timeout=PATIENCE_S)
    named = [one for one in threading.enumerate() if one.name == "bounded"]
    assert len(named) == 3
    assert all(one.daemon for one in named)
    gate.set()
    for future in futures:
        future.result(30)
