"""Looks up names so that a name server that does not answer delays nobody else.

`getaddrinfo` blocks for up to half a minute, and event loops run it in the few threads
that they have: uvloop in two, shared by scrapes and notifications. Lookups have threads of
their own here; equal ones are one; names that were slow before wait for each other only.
While a name server is dead, the last known addresses of a name serve for a day.
"""

import asyncio
import ipaddress
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from model.network.daemon_threads import DaemonThreads

AddressInfo = tuple[int, int, int, str, Any]
"""Family, type, protocol, canonical name and address, as `socket.getaddrinfo` returns them."""
GetAddressInfo = Callable[..., Sequence[AddressInfo]]

_THREADS: Final = 8
_SLOW_THREADS: Final = 4
_SLOW_S: Final = 2.0
"""A lookup that takes longer is slow; the last known addresses serve meanwhile."""
_KEPT_S: Final = 86_400.0
_MOST_KEPT: Final = 10_000
_NO_SUCH_NAME: Final = frozenset({socket.EAI_NONAME, getattr(socket, "EAI_NODATA", -5)})


@dataclass(frozen=True, slots=True)
class _Question:
    host: str
    port: int
    family: int
    flags: int


@dataclass(frozen=True, slots=True)
class _Known:
    answer: Sequence[AddressInfo]
    at_s: float


class NameLookup:
    """Looks up names; use it on one event loop.

    Args:
        getaddrinfo: replaced in tests.
        monotonic: replaced in tests.
        slow_s: how long to wait before the last known addresses are used.
    """

    def __init__(
        self,
        getaddrinfo: GetAddressInfo = socket.getaddrinfo,
        monotonic: Callable[[], float] = time.monotonic,
        slow_s: float = _SLOW_S,
    ) -> None:
        self._getaddrinfo, self._monotonic, self._slow_s = getaddrinfo, monotonic, slow_s
        self._threads = DaemonThreads(_THREADS, "names")
        self._slow_threads = DaemonThreads(_SLOW_THREADS, "slow-names")
        self._known: dict[_Question, _Known] = {}
        self._slow: set[_Question] = set()
        self._running: dict[_Question, asyncio.Task[Sequence[AddressInfo]]] = {}

    async def addresses(
        self, host: str, port: int, *, family: int = 0, flags: int = 0
    ) -> Sequence[AddressInfo]:
        """Return the stream addresses of a host.

        Raises:
            OSError: the name does not exist, or it cannot be looked up and was not known.
        """
        numeric = _numeric(host, port, family)
        if numeric is not None:
            return [numeric]
        question = _Question(host, port, family, flags)
        running = self._running.get(question)
        if running is None:
            running = self._running[question] = asyncio.ensure_future(self._look_up(question))
            running.add_done_callback(lambda done: self._finished(question, done))
        known = self._last_known(question)
        try:
            async with asyncio.timeout(None if known is None else self._slow_s):
                # Shielded: others wait for the same lookup, and its result is remembered.
                return await asyncio.shield(running)
        except TimeoutError:
            if known is None:
                raise
            return known
        except socket.gaierror as exc:
            if known is None or exc.errno in _NO_SUCH_NAME:
                raise
            return known

    def _last_known(self, question: _Question) -> Sequence[AddressInfo] | None:
        known = self._known.get(question)
        if known is None or self._monotonic() - known.at_s > _KEPT_S:
            return None
        return known.answer

    async def _look_up(self, question: _Question) -> Sequence[AddressInfo]:
        threads = self._slow_threads if question in self._slow else self._threads
        begun_s = self._monotonic()

        def work() -> Sequence[AddressInfo]:
            nonlocal begun_s
            begun_s = self._monotonic()
            return self._getaddrinfo(
                question.host,
                question.port,
                family=question.family,
                type=socket.SOCK_STREAM,
                flags=question.flags,
            )

        try:
            return await asyncio.wrap_future(threads.submit(work))
        finally:
            if self._monotonic() - begun_s > self._slow_s:
                self._slow.add(question)
            else:
                self._slow.discard(question)

    def _finished(self, question: _Question, done: "asyncio.Task[Sequence[AddressInfo]]") -> None:
        self._running.pop(question, None)
        # Retrieve the error, or asyncio logs it if nobody waits any more.
        if done.cancelled() or done.exception() is not None:
            return
        if len(self._known) >= _MOST_KEPT:
            self._known.pop(next(iter(self._known)))
        self._known[question] = _Known(done.result(), self._monotonic())


def _numeric(host: str, port: int, family: int) -> AddressInfo | None:
    """Return the address of a host that is an IP address, None if it is a name."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    is_v4 = address.version == 4
    own = socket.AF_INET if is_v4 else socket.AF_INET6
    if family not in (0, own) or (not is_v4 and "%" in host):
        return None
    at = (host, port) if is_v4 else (host, port, 0, 0)
    return own, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", at
