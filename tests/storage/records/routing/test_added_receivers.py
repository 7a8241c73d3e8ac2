import asyncio
from pathlib import Path

import pytest

from storage.api.errors import NotFoundError, TakenError
from storage.api.receivers.added_receivers import AddedReceiver
from storage.records.store import Records


async def test_receivers_are_kept_in_the_order_of_adding(tmp_path: Path) -> None:
    records = Records(tmp_path / "records.db")
    await asyncio.to_thread(records.open)
    try:
        kept = records.added_receivers
        first, second = (
            AddedReceiver("b", "webhook", "sealed", 1),
            AddedReceiver("a", "apprise", "sealed", 2),
        )
        await kept.add(first)
        await kept.add(second)
        with pytest.raises(TakenError):
            await kept.add(first)
        assert await kept.all() == [first, second]
        await kept.set_tested("a", 7)
        await kept.remove("b")
        assert await kept.all() == [AddedReceiver("a", "apprise", "sealed", 2, 7)]
        with pytest.raises(NotFoundError):
            await kept.remove("b")
    finally:
        await asyncio.to_thread(records.close)
