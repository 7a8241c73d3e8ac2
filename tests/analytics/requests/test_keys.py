import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from analytics.requests.keys import ProjectKeyring
from storage.api.project_keys import TRACK_ONLY, KeyScope
from storage.api.projects import Project, ProjectSettings
from storage.records.store import Records

NOW_MS = 1_764_000_000_000


class Setting:
    def __init__(self, records: Records, project: Project) -> None:
        self.records, self.project, self.now_ms = records, project, NOW_MS
        self.keyring = ProjectKeyring(records.project_keys, lambda: self.now_ms)


@pytest_asyncio.fixture
async def setting(tmp_path: Path) -> AsyncIterator[Setting]:
    records = Records(tmp_path / "records.db")
    await asyncio.to_thread(records.open)
    project = await records.projects.add("k1", ProjectSettings("Shop"), None, NOW_MS)
    yield Setting(records, project)
    await asyncio.to_thread(records.close)


async def test_a_secret_is_not_stored(setting: Setting) -> None:
    issued = await setting.keyring.issue(setting.project, "server")
    assert await setting.keyring.find(issued.secret) == (setting.project, TRACK_ONLY)
    stored = await asyncio.to_thread(setting.records._database.path.read_bytes)
    assert issued.secret.encode() not in stored
    assert issued.secret.startswith(issued.key.prefix)
    assert len(issued.key.prefix) < len(issued.secret) / 2


async def test_a_revoked_key_is_refused_at_once(setting: Setting) -> None:
    issued = await setting.keyring.issue(setting.project, "server")
    assert await setting.keyring.find(issued.secret)
    await setting.keyring.revoke(setting.project, issued.key.id)
    assert await setting.keyring.find(issued.secret) is None


async def test_a_rotated_key_overlaps_with_the_new_one(setting: Setting) -> None:
    old = await setting.keyring.issue(setting.project, "server")
    new = await setting.keyring.rotate(setting.project, old.key.id, "server", overlap_s=60)
    assert await setting.keyring.find(old.secret)
    setting.now_ms += 60_000
    assert await setting.keyring.find(old.secret) is None
    assert await setting.keyring.find(new.secret)


async def test_a_key_in_place_of_another_permits_the_same_unless_asked_otherwise(
    setting: Setting,
) -> None:
    project, keyring = setting.project, setting.keyring
    read, both = frozenset({KeyScope.READ}), frozenset(KeyScope)
    old = await keyring.issue(project, "report", read)
    new = await keyring.rotate(project, old.key.id, "report", overlap_s=60)
    assert await keyring.find(new.secret) == (project, read)
    wider = await keyring.rotate(project, new.key.id, "report", 60, both)
    assert await keyring.find(wider.secret) == (project, both)
    assert [key.scopes for key in await keyring.live(project)] == [both, read, read]


async def test_the_last_use_is_stored_once_a_minute(setting: Setting) -> None:
    issued = await setting.keyring.issue(setting.project, "server")
    for later_ms in (0, 1000, 59_999):
        setting.now_ms = NOW_MS + later_ms
        await setting.keyring.find(issued.secret)
    (listed,) = await setting.keyring.live(setting.project)
    assert listed.last_used_ms == NOW_MS


async def test_an_inactive_project_takes_nothing(setting: Setting) -> None:
    issued = await setting.keyring.issue(setting.project, "server")
    inactive = ProjectSettings("Shop", is_active=False)
    await setting.records.projects.change(setting.project.id, inactive)
    assert await setting.keyring.find(issued.secret) is None
