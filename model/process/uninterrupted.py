"""Work that goes on to its end when its caller is cancelled."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def uninterrupted(work: Coroutine[Any, Any, T]) -> T:
    """Await work to its end even if the caller is cancelled meanwhile.

    Otherwise a change could be stored while the state in memory does not have it.
    """
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        # Retrieve its exception, or asyncio logs that nobody did.
        task.exception()
        raise
