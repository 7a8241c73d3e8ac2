"""Work in threads that changes what other requests use."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


async def done_in_thread(work: Callable[[], T]) -> T:
    """Run work in a thread; a caller that is cancelled waits for its end all the same.

    A client that leaves would otherwise let the next request at what is half changed.
    """
    running = asyncio.get_running_loop().run_in_executor(None, work)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        while not running.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([running])
        # Nobody asks for it any more.
        running.exception()
        raise
