"""The queries of users in SQLite."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storage.api.accounts import Role
from storage.api.errors import NotFoundError
from storage.api.people.queries import RanQuery, TooManyQueriesError
from storage.records.people.queries import SqliteQueries
from storage.records.store import Records


@pytest.fixture
async def records(tmp_path: Path) -> AsyncIterator[Records]:
    records = Records(tmp_path / "records.db")
    await asyncio.to_thread(records.open)
    yield records
    await asyncio.to_thread(records.close)


@pytest.fixture
def queries(records: Records) -> SqliteQueries:
    return SqliteQueries(records._database, most_remembered=2, most_saved=2)


async def test_history_has_the_latest_first_and_forgets_the_oldest(
    records: Records, queries: SqliteQueries
) -> None:
    ann = (await records.accounts.add_user("ann", Role.VIEWER, "", 0)).id
    bob = (await records.accounts.add_user("bob", Role.VIEWER, "", 0)).id
    for now_ms, query in enumerate(("up", "down", "up", "sideways")):
        await queries.remember(ann, query, now_ms)
    assert await queries.history(ann) == [RanQuery("sideways", 3, 1), RanQuery("up", 2, 2)]
    assert await queries.history(bob) == []
    await queries.forget(ann)
    assert await queries.history(ann) == []


async def test_saved_query_is_replaced_under_its_name(
    records: Records, queries: SqliteQueries
) -> None:
    ann = (await records.accounts.add_user("ann", Role.VIEWER, "", 0)).id
    first = await queries.save(ann, "b", "up", 1)
    second = await queries.save(ann, "A", "down", 2)
    with pytest.raises(TooManyQueriesError):
        await queries.save(ann, "c", "x", 3)
    replaced = await queries.save(ann, "b", "up == 0", 4)
    assert (replaced.id, replaced.query, replaced.saved_ms) == (first.id, "up == 0", 4)
    assert await queries.saved(ann) == [second, replaced]


async def test_nobody_removes_the_saved_query_of_another(
    records: Records, queries: SqliteQueries
) -> None:
    ann = (await records.accounts.add_user("ann", Role.VIEWER, "", 0)).id
    bob = (await records.accounts.add_user("bob", Role.VIEWER, "", 0)).id
    saved = await queries.save(ann, "mine", "up", 1)
    with pytest.raises(NotFoundError):
        await queries.remove(bob, saved.id)
    await queries.remove(ann, saved.id)
    assert await queries.saved(ann) == []


async def test_queries_end_with_their_user(records: Records, queries: SqliteQueries) -> None:
    ann = (await records.accounts.add_user("ann", Role.VIEWER, "", 0)).id
    await queries.save(ann, "mine", "up", 1)
    await queries.remember(ann, "up", 1)
    await records.accounts.remove_user("ann")
    assert (await queries.saved(ann), await queries.history(ann)) == ([], [])
    with pytest.raises(NotFoundError):
        await queries.remember(ann, "up", 2)
