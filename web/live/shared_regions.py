"""Live regions that several open pages show: rendered once and serialised once for all of them.

Five hundred pages that show the hosts to readers with the same rights cost one rendering per
interval, not five hundred.
"""

import asyncio
import math
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Final
from weakref import WeakValueDictionary

from model.clock import Clock
from web.http.responses import json_bytes
from web.live.messages import message
from web.live.region_html import RegionHtml, changes_between

MOST_STATES: Final = 4
"""The latest states of a region: their readers get what has changed since, all others the whole
region. Readers who keep up have one of the last two; a state of 1,000 hosts is a megabyte."""

_MOST_BODIES: Final = 16
"""Messages that readers share, until the next state: pages use few ids of subscriptions. The
messages that wait for clients which do not read take memory only once then."""

RenderRegion = Callable[[], Awaitable[RegionHtml]]
"""Returns the region's HTML as of now."""


NO_STATE: Final = -1
"""Stands for the number of a state where a reader has seen none."""


class SharedRegion:
    """One region, and the messages that bring its readers up to date.

    Readers have seen different states of it: one has just opened its page, another lost a message.
    """

    def __init__(self, render: RenderRegion, clock: Clock) -> None:
        self._render, self._clock = render, clock
        self._lock = asyncio.Lock()
        self._states: OrderedDict[int, RegionHtml] = OrderedDict({0: RegionHtml("")})
        self._latest = 0
        self._read_s = -math.inf
        self._time_ms = 0
        self._changes: dict[int, bytes] = {}
        self._bodies: dict[tuple[str, int], bytes] = {}

    async def message(self, name: str, seen: int, since_s: float) -> tuple[int, bytes]:
        """Return the number of the region's state, and the message for a reader.

        The message is b"" if nothing has changed. It holds the whole region for a reader whose
        state is not one of the last `MOST_STATES`.

        Args:
            name: the id of the reader's subscription.
            seen: the number of the state that the reader has, `NO_STATE` without one.
            since_s: a state from this time of the event loop or later will do.
        """
        # The lock lets one reader after the other go on, each in an iteration of the event loop
        # of its own: hundreds of messages in one iteration would stall all requests.
        async with self._lock:
            if self._read_s < since_s:
                # Timers may fire a little early; the time that was asked for counts.
                read_s = max(asyncio.get_running_loop().time(), since_s)
                self._set(await self._render())
                self._read_s = read_s
            return self._latest, self._message(name, seen if seen in self._states else NO_STATE)

    def _set(self, fresh: RegionHtml) -> None:
        if changes_between(self._states[self._latest], fresh) is None:
            return
        self._latest += 1
        self._states[self._latest] = fresh
        while len(self._states) > MOST_STATES:
            self._states.popitem(last=False)
        self._changes, self._bodies = {}, {}
        self._time_ms = self._clock()

    def _message(self, name: str, seen: int) -> bytes:
        body = self._bodies.get((name, seen))
        if body is None:
            fields = self._fields(seen)
            body = message("region", name)[:-1] + b"," + fields[1:] if fields else b""
            if len(self._bodies) < _MOST_BODIES:
                self._bodies[name, seen] = body
        return body

    def _fields(self, seen: int) -> bytes:
        """Return the fields of the message for readers of a state, as JSON; b"" for none."""
        fields = self._changes.get(seen)
        if fields is None:
            changes = changes_between(self._states.get(seen), self._states[self._latest])
            fields = b"" if changes is None else json_bytes({"now_ms": self._time_ms, **changes})
            self._changes[seen] = fields
        return fields


class SharedRegions:
    """The regions of all open pages, each for as long as a page shows it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._open: WeakValueDictionary[Hashable, SharedRegion] = WeakValueDictionary()

    def of(self, key: Hashable, render: RenderRegion) -> SharedRegion:
        """Return the region with this key; `render` renders it if no open page shows it yet."""
        found = self._open.get(key)
        if found is None:
            found = self._open[key] = SharedRegion(render, self._clock)
        return found


class RegionReader:
    """One reader of a shared region, who knows which state it has seen.

    Args:
        name: the id of the reader's subscription.
        find: returns the region; called once, at the first read.
    """

    def __init__(self, name: str, find: Callable[[], Awaitable[SharedRegion]]) -> None:
        self._name, self._find = name, find
        self._region: SharedRegion | None = None
        self._seen = NO_STATE

    async def read(self, since_s: float) -> bytes:
        """Return the message with what has changed since the last one, b"" if nothing has."""
        if self._region is None:
            self._region = await self._find()
        self._seen, body = await self._region.message(self._name, self._seen, since_s)
        return body

    def forget(self) -> None:
        """Assume from now on that the reader has seen nothing."""
        self._seen = NO_STATE
