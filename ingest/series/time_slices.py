"""Bounded slices of work on the event loop."""

import asyncio
from typing import Final

_SLICE_S: Final = 0.01


class TimeSlices:
    """Gives way to the event loop's other tasks every 10 ms.

    A request with new series of many sources takes seconds; scrapes and checks go on
    beside it.
    """

    __slots__ = ("_begun_s", "_time")

    def __init__(self) -> None:
        self._time = asyncio.get_running_loop().time
        self._begun_s = self._time()

    async def breathe(self) -> None:
        """Let other tasks run if the slice is used up."""
        if self._time() - self._begun_s > _SLICE_S:
            await asyncio.sleep(0)
            self._begun_s = self._time()
