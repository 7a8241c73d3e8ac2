"""New series of one source cost the same however many the source has: growth is linear.

A sender without the label `instance` has one source. Its requests of 50,000 new series once took
1.3, 24, 111 and 192 s, and host checks were not evaluated meanwhile. The tests count work,
because times depend on the machine.
"""

import asyncio
import sys
import threading
import tracemalloc
from asyncio import Handle
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from statistics import mean, median
from types import FrameType

import cramjam

from ingest.remote_write.receiver import WriteVersion
from tests.ingest.remote_write.messages import request_1, series
from tests.ingest.remote_write.write_setting import NOW_MS, Setting

BATCH = 500
FEW, MANY = 10_000, 50_000
REQUESTS = MANY // BATCH
_RUN_OF_A_TURN = Handle._run.__code__
# One call for each known series would add half as much as a request makes: a ratio of 1.5.
LARGEST_RATIO_OF_CALLS = 1.2
# The first and the last 10,000 series differ in how many requests begin a lane or enlarge a table.
# Without the bound of a lane's columns, the ratio is 2; with an index of all series for each
# request, it is 5.
LARGEST_RATIO_OF_MEMORY = 1.5


def request(first: int) -> bytes:
    """Return a request with `BATCH` new series of one source."""
    new = range(first, first + BATCH)
    many = [series("m", (NOW_MS, 1.0), user=f"u{number}") for number in new]
    return bytes(cramjam.snappy.compress_raw(request_1(many)))


@asynccontextmanager
async def opened(directory: Path) -> AsyncIterator[Setting]:
    setting = await asyncio.to_thread(Setting, directory)
    yield setting
    assert setting.receiver.series == MANY
    await asyncio.to_thread(setting.close)


async def send(setting: Setting, body: bytes) -> None:
    result = await setting.receiver.receive("prometheus", body, WriteVersion.V1)
    assert result.written == BATCH


def fifths(works: list[int]) -> tuple[list[int], list[int]]:
    """Return the work of the first and of the last `FEW` series."""
    some = FEW // BATCH
    return works[:some], works[-some:]


class CallCounter:
    """Counts the calls of functions, in this thread and in those that start in `counting`.

    Attributes:
        calls: in all threads.
        turn_calls: in the longest turn of the event loop, which nothing else interrupts.
    """

    def __init__(self) -> None:
        self.calls = self.turn_calls = self._turn_calls = 0

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Count until the block ends."""
        threading.setprofile(self._count)
        sys.setprofile(self._count_on_loop)
        try:
            yield
        finally:
            sys.setprofile(None)
            threading.setprofile(None)

    def taken(self) -> tuple[int, int]:
        """Return `calls` and `turn_calls`, and start from zero."""
        found = self.calls, self.turn_calls
        self.calls = self.turn_calls = self._turn_calls = 0
        return found

    def _count(self, _: FrameType, event: str, __: object) -> None:
        if event in {"call", "c_call"}:
            self.calls += 1

    def _count_on_loop(self, frame: FrameType, event: str, _: object) -> None:
        if event not in {"call", "c_call"}:
            return
        self.calls += 1
        if event == "call" and frame.f_code is _RUN_OF_A_TURN:
            self._turn_calls = 0
        self._turn_calls += 1
        self.turn_calls = max(self.turn_calls, self._turn_calls)


async def test_calls_for_new_series_do_not_grow_with_the_known_ones(tmp_path: Path) -> None:
    bodies = [request(BATCH * number) for number in range(REQUESTS)]
    counter, calls, turns = CallCounter(), list[int](), list[int]()
    # The store is opened within: its own thread is counted too.
    with counter.counting():
        async with opened(tmp_path) as setting:
            for body in bodies:
                counter.taken()
                await send(setting, body)
                for found, works in zip(counter.taken(), (calls, turns), strict=True):
                    works.append(found)
    first, last = fifths(calls)
    assert mean(last) < LARGEST_RATIO_OF_CALLS * mean(first)
    first, last = fifths(turns)
    assert max(last) < LARGEST_RATIO_OF_CALLS * max(first)


async def test_memory_for_new_series_does_not_grow_with_the_known_ones(tmp_path: Path) -> None:
    """A request copies no array, tuple or dict of all series: its peak would grow with them."""
    bodies = [request(BATCH * number) for number in range(REQUESTS)]
    peaks, held = list[int](), list[int]()
    async with opened(tmp_path) as setting:
        with traced() as used:
            for body in bodies:
                before, _ = used()
                tracemalloc.reset_peak()
                await send(setting, body)
                after, peak = used()
                peaks.append(peak - before)
                held.append(after - before)
    first, last = fifths(peaks)
    # The median: some requests enlarge the dicts of all series.
    assert median(last) < LARGEST_RATIO_OF_MEMORY * median(first)
    first, _ = fifths(held)
    assert sum(held) < LARGEST_RATIO_OF_MEMORY * MANY / FEW * sum(first)


@contextmanager
def traced() -> Iterator[Callable[[], tuple[int, int]]]:
    """Trace allocations; yield a function that returns the bytes in use and their peak."""
    tracemalloc.start(1)
    try:
        yield tracemalloc.get_traced_memory
    finally:
        tracemalloc.stop()
