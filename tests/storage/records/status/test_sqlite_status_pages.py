"""Status pages in SQLite: what belongs to a page is kept and deleted with it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from storage.api.errors import NotFoundError, TakenError
from storage.api.status.pages import (
    ComponentDay,
    Incident,
    IncidentUpdate,
    Logo,
    StatusPageRow,
    TooManyPagesError,
)
from storage.records.status.sqlite_status_pages import SqliteStatusPages
from storage.records.store import Records

ROW = StatusPageRow("acme", "{}", "ann", 1, 1)
INCIDENT = Incident(
    0, "acme", "Outage", "major", "investigating", ("a", "b"), 5, None, is_automatic=False
)
FIRST = IncidentUpdate("investigating", "We look.", "ann", 5)


@pytest.fixture
async def records(tmp_path: Path) -> AsyncIterator[Records]:
    records = Records(tmp_path / "records.db")
    await asyncio.to_thread(records.open)
    yield records
    await asyncio.to_thread(records.close)


async def test_pages_are_stored_changed_and_deleted_with_all_that_is_theirs(
    records: Records,
) -> None:
    pages = records.status_pages
    await pages.add(ROW)
    with pytest.raises(TakenError):
        await pages.add(ROW)
    await pages.change(replace(ROW, definition='{"a":1}', author="eve", changed_ms=9))
    assert await pages.all() == [StatusPageRow("acme", '{"a":1}', "eve", 1, 9)]
    await pages.set_logo("acme", Logo("image/png", b"x"))
    await pages.add_incident(INCIDENT, FIRST)
    await pages.put_days("acme", [ComponentDay("a", "2026-11-30", 1.0, 2.0, 3.0, 4.0)])
    await pages.remove("acme")
    await pages.add(ROW)
    assert await pages.logo("acme") is None
    assert await pages.incidents("acme", 0) == []
    assert await pages.days("acme", "") == []
    for missing in (pages.remove("other"), pages.change(replace(ROW, slug="other"))):
        with pytest.raises(NotFoundError):
            await missing


async def test_incidents_keep_their_updates_the_newest_first(records: Records) -> None:
    pages = records.status_pages
    number = await pages.add_incident(INCIDENT, FIRST)
    resolved = IncidentUpdate("resolved", "Done.", "", 8)
    await pages.add_update("acme", number, resolved, 8)
    found = await pages.incident("acme", number)
    assert found == replace(
        INCIDENT, id=number, state="resolved", resolved_ms=8, updates=(resolved, FIRST)
    )
    assert await pages.incidents("acme", 9) == []
    assert await pages.incidents("acme", 8) == [found]
    with pytest.raises(NotFoundError):
        await pages.incident("other", number)
    with pytest.raises(NotFoundError):
        await pages.add_update("other", number, resolved, 8)
    await pages.remove_incident("acme", number)
    with pytest.raises(NotFoundError):
        await pages.incident("acme", number)


async def test_a_stored_day_is_replaced(records: Records) -> None:
    pages = records.status_pages
    old = ComponentDay("a", "2026-11-29", 1.0, 0.0, 0.0, 0.0)
    day = ComponentDay("a", "2026-11-30", 1.0, 0.0, 0.0, 0.0)
    await pages.put_days("acme", [old, day])
    await pages.put_days("acme", [replace(day, down_s=5.0)])
    assert await pages.days("acme", "2026-11-30") == [replace(day, down_s=5.0)]


async def test_pages_and_incidents_are_bounded(records: Records) -> None:
    pages = SqliteStatusPages(records._database, most=1, most_incidents=1)
    await pages.add(ROW)
    with pytest.raises(TooManyPagesError, match="status pages"):
        await pages.add(replace(ROW, slug="other"))
    await pages.add_incident(INCIDENT, FIRST)
    with pytest.raises(TooManyPagesError, match="incidents"):
        await pages.add_incident(INCIDENT, FIRST)
