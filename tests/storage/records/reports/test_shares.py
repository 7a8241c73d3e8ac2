"""Share links in the records."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from storage.api.errors import NotFoundError
from storage.api.projects import ProjectSettings
from storage.api.reports.shares import NewShare
from storage.records.store import Records


@pytest_asyncio.fixture
async def records(tmp_path: Path) -> AsyncIterator[Records]:
    records = Records(tmp_path / "records.db")
    await asyncio.to_thread(records.open)
    yield records
    await asyncio.to_thread(records.close)


def share(token_hash: str, created_ms: int, expires_ms: int) -> NewShare:
    return NewShare(token_hash, "funnel", "Q3", "{}", "ann", created_ms, expires_ms)


async def test_a_link_is_found_until_it_ends_and_ended_ones_are_dropped(records: Records) -> None:
    project = await records.projects.add("key", ProjectSettings("Shop"), None, 0)
    first = await records.shares.add(project.id, share("one", 10, 20))
    found = await records.shares.find("one", 19)
    assert found is not None
    assert (found.id, found.project_key, found.title) == (first, "key", "Q3")
    assert await records.shares.find("one", 20) is None
    second = await records.shares.add(project.id, share("two", 30, 40))
    assert second > first
    assert [each.id for each in await records.shares.live(project.id, 0)] == [second]


async def test_a_link_belongs_to_its_project_and_goes_with_it(records: Records) -> None:
    mine = await records.projects.add("mine", ProjectSettings("Shop"), None, 0)
    other = await records.projects.add("other", ProjectSettings("Blog"), None, 0)
    number = await records.shares.add(mine.id, share("one", 10, 20))
    assert await records.shares.live(other.id, 10) == []
    with pytest.raises(NotFoundError):
        await records.shares.revoke(other.id, number)
    await records.projects.remove(mine.id)
    assert await records.shares.find("one", 10) is None
    with pytest.raises(NotFoundError):
        await records.shares.add(mine.id, share("two", 10, 20))
