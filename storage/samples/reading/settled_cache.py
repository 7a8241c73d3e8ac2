"""The cache of settled reads: decoded samples, kept for the next query with the same selector."""

import threading
from collections import OrderedDict
from collections.abc import Callable

from model.series import NO_TIME
from storage.samples.reading.settled import Matchers, Settled

# The largest share of the cache that one read may take.
_LARGEST_SHARE = 0.75
_MOST_UNFIT = 1000


class SettledCache:
    """Keeps the decoded samples of each selector, least recently used first; any thread.

    Attributes:
        until_ms: samples up to this time are settled.
        version: grows whenever an entry may have become wrong.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._entries: OrderedDict[Matchers, Settled] = OrderedDict()
        self._size_bytes = 0
        self._unfit: set[Matchers] = set()
        self._lock = threading.Lock()
        self.until_ms = -NO_TIME
        self.version = 0

    def advance(self, first_unsettled_ms: Callable[[], int]) -> None:
        """Move `until_ms` up to before the oldest sample that is not settled."""
        version = self.version
        until_ms = first_unsettled_ms() - 1
        with self._lock:
            if version == self.version:
                self.until_ms = until_ms

    def fits(self, matchers: Matchers) -> bool:
        """Whether the result of a selector can be put together from two reads."""
        return not self._unfit or matchers not in self._unfit

    def refuse(self, matchers: Matchers) -> None:
        """Never cache a selector again: its reads cannot be put together."""
        with self._lock:
            self._drop(matchers)
            if len(self._unfit) >= _MOST_UNFIT:
                self._unfit.clear()
            self._unfit.add(matchers)

    def get(self, matchers: Matchers, start_ms: int) -> Settled | None:
        """Return the cached samples of a selector if they include `start_ms`, else None."""
        with self._lock:
            known = self._entries.get(matchers)
            if known is None or not known.start_ms <= start_ms <= known.end_ms:
                return None
            self._entries.move_to_end(matchers)
            return known

    def takes(self, size_bytes: int) -> bool:
        """Return whether an entry is small enough: a large one would evict all others."""
        return size_bytes <= self._most_bytes * _LARGEST_SHARE

    def put(self, matchers: Matchers, settled: Settled, version: int) -> None:
        """Cache a read unless the version has changed since; its arrays become read-only."""
        for part in settled.parts:
            series = part.series
            series.values.flags.writeable = series.times_ms.flags.writeable = False
        with self._lock:
            if version != self.version:
                return
            self._drop(matchers)
            self._entries[matchers] = settled
            self._size_bytes += settled.size_bytes
            while self._size_bytes > self._most_bytes:
                self._drop(next(iter(self._entries)))

    def _drop(self, matchers: Matchers) -> None:
        known = self._entries.pop(matchers, None)
        self._size_bytes -= 0 if known is None else known.size_bytes

    def chunk_begins(self, time_ms: int) -> None:
        """Drop the entries that include a time at which a new chunk begins."""
        with self._lock:
            self.version += 1
            self.until_ms = min(self.until_ms, time_ms - 1)
            for matchers in [key for key, one in self._entries.items() if one.end_ms >= time_ms]:
                self._drop(matchers)

    def clear(self) -> None:
        """Drop all entries."""
        with self._lock:
            self.version += 1
            self._entries.clear()
            self._size_bytes = 0
