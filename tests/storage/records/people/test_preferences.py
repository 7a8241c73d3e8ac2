import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storage.api.accounts import Role
from storage.api.errors import NotFoundError
from storage.api.people.preferences import NO_PREFERENCES, Preferences
from storage.records.store import Records


@pytest.fixture
async def records(tmp_path: Path) -> AsyncIterator[Records]:
    records = Records(tmp_path / "records.db")
    await asyncio.to_thread(records.open)
    yield records
    await asyncio.to_thread(records.close)


async def test_preferences_are_kept_for_each_user(records: Records) -> None:
    ann = await records.accounts.add_user("ann", Role.VIEWER, "", 0)
    bob = await records.accounts.add_user("bob", Role.VIEWER, "", 0)
    assert await records.preferences.get(ann.id) == NO_PREFERENCES
    chosen = Preferences("utc", "de", "dark", steps_hidden=True)
    await records.preferences.put(ann.id, chosen)
    assert await records.preferences.get(ann.id) == chosen
    assert await records.preferences.get(bob.id) == NO_PREFERENCES
    await records.preferences.put(ann.id, Preferences("server"))
    assert await records.preferences.get(ann.id) == Preferences("server")


async def test_preferences_of_a_removed_user_are_gone(records: Records) -> None:
    ann = await records.accounts.add_user("ann", Role.VIEWER, "", 0)
    await records.preferences.put(ann.id, Preferences("utc"))
    await records.accounts.remove_user("ann")
    assert await records.preferences.get(ann.id) == NO_PREFERENCES
    with pytest.raises(NotFoundError):
        await records.preferences.put(ann.id, NO_PREFERENCES)
