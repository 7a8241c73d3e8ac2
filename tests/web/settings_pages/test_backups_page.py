"""The page of backups."""

import asyncio
import io
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pytest_aiohttp import AiohttpClient

from daemon.server.management.backup_keeper import BackupKeeper
from storage.api.accounts import CredentialKind, Role
from tests.system.processes import until
from tests.web.service_doubles import NOW_MS
from tests.web.world import PASSWORD, World, world_at
from web.identity.secret_hashes import secret_hash


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        yield world


async def made(world: World) -> str:
    """Make a backup through the page; return its name."""
    keeper = world.services.backups
    assert isinstance(keeper, BackupKeeper)
    answer = await world.client.post("/settings/backups", headers=await world.cookie())
    assert "A backup is being made" in await answer.text()
    making = asyncio.create_task(keeper.run())

    async def is_made() -> bool:
        return not keeper.state.running and bool(await keeper.all())

    try:
        await until(is_made, "a backup")
    finally:
        making.cancel()
    assert keeper.state.error == ""
    return (await keeper.all())[0].name


async def test_backup_is_made_listed_downloaded_and_deleted(world: World) -> None:
    name = await made(world)
    assert name in await world.page("/settings/backups")
    path, headers = f"/settings/backups/{name}", await world.cookie()
    form = {"current_password": PASSWORD}
    answer = await world.client.post(f"{path}/download", data=form, headers=headers)
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{name}"'
    with tarfile.open(fileobj=io.BytesIO(await answer.read())) as tar:
        assert {"records.db", "keys.json", "manifest.json"} <= set(tar.getnames())
    (entry, *_) = await world.services.audit.entries(10, None)
    assert (entry.action, entry.subject) == ("backup.download", name)
    answer = await world.client.post(f"{path}/remove", headers=headers)
    assert "The backup is deleted" in await answer.text()
    assert name not in await world.page("/settings/backups")


async def test_download_needs_the_password_once_more(world: World) -> None:
    name = await made(world)
    answer = await world.client.post(
        f"/settings/backups/{name}/download",
        data={"current_password": "wrong"},
        headers=await world.cookie(),
    )
    assert answer.status == 400
    assert "the current password is wrong" in await answer.text()


async def test_user_without_a_password_downloads_right_after_the_login_only(world: World) -> None:
    name = await made(world)
    user = await world.accounts.add_user("eve", Role.ADMIN, "", NOW_MS)
    await world.accounts.add_credential(
        user.id, CredentialKind.SESSION, secret_hash("x"), "test", NOW_MS, NOW_MS + 86_400_000
    )
    headers, path = {"Cookie": "redshank_session=x"}, f"/settings/backups/{name}/download"
    answer = await world.client.post(path, headers=headers)
    assert answer.content_type == "application/x-tar"
    world.now[0] += 900_001
    answer = await world.client.post(path, headers=headers)
    assert answer.status == 400
    assert "log out and in again" in await answer.text()


@pytest.mark.parametrize(
    "name", ["records.db", "..%2Frecords.db", "redshank-20260101T000000Z.tar", "%2Fetc%2Fpasswd"]
)
async def test_no_other_file_is_downloaded(world: World, name: str) -> None:
    path, form = f"/settings/backups/{name}/download", {"current_password": PASSWORD}
    answer = await world.client.post(path, data=form, headers=await world.cookie())
    assert answer.status == 404


async def test_server_without_backups_names_the_command(
    tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    async with world_at(tmp_path, aiohttp_client, backups=None) as world:
        assert "redshank backup" in await world.page("/settings/backups")
        answer = await world.client.post("/settings/backups", headers=await world.cookie())
        assert answer.status == 409
