import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storage.api.dashboards.stored import DashboardContent, TooManyDashboardsError
from storage.api.errors import NotFoundError, StaleVersionError, TakenError
from storage.records.dashboards.sqlite_dashboards import SqliteDashboards
from storage.records.store import Records


@pytest.fixture
async def records(tmp_path: Path) -> AsyncIterator[Records]:
    records = Records(tmp_path / "records.db")
    await asyncio.to_thread(records.open)
    yield records
    await asyncio.to_thread(records.close)


def content(title: str = "Node", definition: str = "{}") -> DashboardContent:
    return DashboardContent(title, ("linux",), 3, definition)


async def test_change_makes_a_new_version_and_keeps_the_old_one(records: Records) -> None:
    boards = records.dashboards
    await boards.add("a", content(definition='{"n":1}'), "ann", "first", 10)
    changed = await boards.change("a", 1, content("Nodes", '{"n":2}'), "ben", "renamed", 20)
    assert (changed.version, changed.created_ms, changed.changed_ms) == (2, 10, 20)
    stored = await boards.get("a")
    assert stored.summary == changed
    assert stored.definition == '{"n":2}'
    assert await boards.version("a", 1) == '{"n":1}'
    history = [
        (one.version, one.title, one.message, one.author) for one in await boards.history("a")
    ]
    assert history == [(2, "Nodes", "renamed", "ben"), (1, "Node", "first", "ann")]


async def test_change_from_an_older_version_is_refused(records: Records) -> None:
    boards = records.dashboards
    await boards.add("a", content(), "ann", "", 10)
    await boards.change("a", 1, content(), "ann", "", 20)
    with pytest.raises(StaleVersionError, match="is at version 2, the change starts from 1"):
        await boards.change("a", 1, content("Lost"), "ben", "", 30)
    assert (await boards.get("a")).summary.title == "Node"


async def test_uid_is_unique_and_free_again_after_deletion(records: Records) -> None:
    boards = records.dashboards
    await boards.add("a", content(), "ann", "", 10)
    with pytest.raises(TakenError):
        await boards.add("a", content(), "ann", "", 10)
    await boards.remove("a")
    for lost in (boards.get("a"), boards.history("a"), boards.version("a", 1), boards.remove("a")):
        with pytest.raises(NotFoundError):
            await lost
    await boards.add("a", content("Again"), "ann", "", 10)
    assert [one.version for one in await boards.history("a")] == [1]


async def test_dashboards_and_their_versions_are_bounded(records: Records) -> None:
    boards = SqliteDashboards(records.dashboards._database, most=2, most_versions=2)
    await boards.add("a", content("b"), "ann", "", 10)
    await boards.add("b", content("A"), "ann", "", 10)
    with pytest.raises(TooManyDashboardsError):
        await boards.add("c", content(), "ann", "", 10)
    assert [one.title for one in await boards.all()] == ["A", "b"]
    for version in (1, 2, 3):
        await boards.change("a", version, content(), "ann", "", 20)
    assert [one.version for one in await boards.history("a")] == [4, 3]
