"""Settled reads: what has been decoded from disk, kept for whoever asks again.

A dashboard asks for the same hours every half minute. All of them but the end is on
disk and will not change: it is decoded once, and only the end is read anew.

Up to a time everything is settled where no chunk in memory begins before it. A chunk
that begins there later (a host that sends what it had kept back) ends what is known
from its time on.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from model.labels import Labels
from model.matchers import Matcher
from model.series import NO_TIME, AlignedSeries, Times, Traits

Matchers = tuple[Matcher, ...]

_LARGE = 0.75
_MOST_UNFIT = 1000


@dataclass(frozen=True, slots=True, eq=False)
class Settled:
    """What a selector means between two times, both included; nothing in it changes."""

    start_ms: int
    end_ms: int
    parts: Sequence[AlignedSeries]

    @classmethod
    def of(cls, start_ms: int, end_ms: int, parts: Iterable[AlignedSeries]) -> "Settled":
        """Build, and look once at what every query would look at again."""
        seen = tuple(replace(part, traits=Traits.of(part.values)) for part in parts)
        return cls(start_ms, end_ms, seen)

    @property
    def size_bytes(self) -> int:
        """Memory held, about."""
        return sum(part.values.nbytes + part.times_ms.nbytes for part in self.parts)

    def between(self, start_ms: int, end_ms: int) -> list[AlignedSeries]:
        """Return views of what is between two times, a few samples more at either end."""
        return [part for whole in self.parts if (part := _between(whole, start_ms, end_ms))]


def _between(whole: AlignedSeries, start_ms: int, end_ms: int) -> AlignedSeries | None:
    times = whole.times_ms
    low = int((times < start_ms).sum(axis=1).min(initial=times.shape[1]))
    high = int((times <= end_ms).sum(axis=1).max(initial=0))
    if low >= high:
        return None
    return replace(whole, times_ms=times[:, low:high], values=whole.values[:, low:high])


class SettledCache:
    """Keeps what selectors were answered with from disk; any thread.

    Attributes:
        until_ms: what is older is settled.
        version: grows whenever something may have become wrong.
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
        """Find out anew up to when everything is settled."""
        version = self.version
        until_ms = first_unsettled_ms() - 1
        with self._lock:
            if version == self.version:
                self.until_ms = until_ms

    def fits(self, matchers: Matchers) -> bool:
        """Whether a selector's answers can be put together from two reads."""
        return matchers not in self._unfit

    def refuse(self, matchers: Matchers) -> None:
        """Keep nothing of a selector: its sources differ too much."""
        with self._lock:
            self._drop(matchers)
            if len(self._unfit) >= _MOST_UNFIT:
                self._unfit.clear()
            self._unfit.add(matchers)

    def get(self, matchers: Matchers, start_ms: int) -> Settled | None:
        """Return what is known of a selector from a time on, None if nothing is."""
        with self._lock:
            known = self._entries.get(matchers)
            if known is None or not known.start_ms <= start_ms <= known.end_ms:
                return None
            self._entries.move_to_end(matchers)
            return known

    def put(self, matchers: Matchers, settled: Settled, version: int) -> None:
        """Keep what was read while the version was this; it may not be changed any more."""
        for part in settled.parts:
            part.values.flags.writeable = part.times_ms.flags.writeable = False
        with self._lock:
            # A large one would drive out all others.
            if version != self.version or settled.size_bytes > self._most_bytes * _LARGE:
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
        """Forget what is known of a time, for something else is known now."""
        with self._lock:
            self.version += 1
            self.until_ms = min(self.until_ms, time_ms - 1)
            for matchers in [key for key, one in self._entries.items() if one.end_ms >= time_ms]:
                self._drop(matchers)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self.version += 1
            self._entries.clear()
            self._size_bytes = 0


def joined(
    before: Sequence[AlignedSeries], after: Sequence[AlignedSeries]
) -> list[AlignedSeries] | None:
    """Return series of which some is in either; None where that takes more than a copy."""
    if not before or not after:
        return [*before, *after]
    waiting = {part.labels: part for part in before}
    result, alone = [], []
    for part in after:
        first = waiting.pop(part.labels, None)
        if first is None:
            alone.append(part)
        elif np.array_equal(first.rows, part.rows):
            result.append(_end_to_end(first, part))
        else:
            return None
    rest = [*waiting.values()]
    if alone and rest and not _labels(rest).isdisjoint(_labels(alone)):
        return None
    return result + rest + alone


def _labels(parts: Sequence[AlignedSeries]) -> set[Labels]:
    return {labels for part in parts for labels in part.labels}


def _end_to_end(before: AlignedSeries, after: AlignedSeries) -> AlignedSeries:
    times: Times = np.concatenate([before.times_ms, after.times_ms], axis=1)
    values = np.concatenate([before.values, after.values], axis=1)
    if (before.times_ms[:, -1] == NO_TIME).any():
        # Padding belongs at the end.
        order = times.argsort(axis=1, kind="stable")
        times = np.take_along_axis(times, order, axis=1)
        values = np.take_along_axis(values, order[before.rows], axis=1)
    traits = before.traits
    if traits is not None:
        tail = Traits.of(values[:, before.values.shape[1] - 1 :])
        traits = Traits(traits.gaps | tail.gaps, traits.falls | tail.falls)
    return replace(before, times_ms=times, values=values, traits=traits)
