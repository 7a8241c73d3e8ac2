import asyncio

import pytest

from ingest.series.tasks import background_task
from tests.patience import PATIENCE_S


async def test_work_ends_with_the_block() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with asyncio.timeout(PATIENCE_S), background_task(work()):
        await begun.wait()
        assert not ended.is_set()
    assert ended.is_set()


async def test_block_fails_with_its_work() -> None:
    async def work() -> None:
        raise ValueError("out of order")

    with pytest.raises(ExceptionGroup) as caught:
        async with asyncio.timeout(PATIENCE_S), background_task(work()):
            await asyncio.Event().wait()
    assert caught.group_contains(ValueError, match="out of order")
