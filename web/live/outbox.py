"""The messages that wait to be sent to one client: bounded, one per key."""

import asyncio
from collections import OrderedDict
from typing import Final

MOST_MESSAGES: Final = 256
MOST_BYTES: Final = 4 * 2**20
LARGEST_BYTES: Final = 3 * 2**20
"""The largest message: the page of some 1,500 hosts. Clients that stop reading the same page hold
the same message until they are dropped."""


class Outbox:
    """A bounded queue between the tasks that make messages and the one that sends them.

    A message replaces a waiting message with the same key, so a slow client skips states
    that are out of date. Messages without a key are all kept. A message that does not fit
    is rejected.
    """

    def __init__(self, most_messages: int = MOST_MESSAGES, most_bytes: int = MOST_BYTES) -> None:
        self._most_messages, self._most_bytes = most_messages, most_bytes
        self._waiting: OrderedDict[object, bytes] = OrderedDict()
        self._size_bytes = 0
        self._filled = asyncio.Event()

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def size_bytes(self) -> int:
        """Bytes of all waiting messages."""
        return self._size_bytes

    def put(self, body: bytes, key: str | None = None) -> bool:
        """Add a message; return whether there was room."""
        slot: object = object() if key is None else key
        size_bytes = self._size_bytes + len(body) - len(self._waiting.get(slot, b""))
        full = slot not in self._waiting and len(self._waiting) >= self._most_messages
        if full or size_bytes > self._most_bytes:
            return False
        self._waiting[slot] = body
        self._size_bytes = size_bytes
        self._filled.set()
        return True

    def holds(self, key: str) -> bool:
        """Return whether a message with this key waits."""
        return key in self._waiting

    def drop(self, key: str) -> None:
        """Remove the waiting message with a key, if there is one."""
        self._size_bytes -= len(self._waiting.pop(key, b""))

    async def next(self) -> bytes:
        """Wait for a message; remove and return the oldest."""
        while not self._waiting:
            self._filled.clear()
            await self._filled.wait()
        _, body = self._waiting.popitem(last=False)
        self._size_bytes -= len(body)
        return body
