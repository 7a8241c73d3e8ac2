from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from storage.events import DuckEventStore
from tests.analytics.product.event_builders import opened_events


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[DuckEventStore]:
    async with opened_events(tmp_path) as store:
        yield store
