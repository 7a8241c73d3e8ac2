from collections.abc import AsyncIterator

import pytest

from scraper.discovery.manager import DiscoveryManager
from tests.scraper.discovery.changes import Changes


@pytest.fixture
def changes() -> Changes:
    return Changes()


@pytest.fixture
async def discovery(changes: Changes) -> AsyncIterator[DiscoveryManager]:
    async with DiscoveryManager(changes.notify) as discovery:
        yield discovery
