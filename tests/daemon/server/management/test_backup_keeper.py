"""Backups that the server makes itself."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from daemon.configuration.settings import BackupSettings
from daemon.server.management.backup_keeper import BackupKeeper
from model.clock import Clock
from storage.records.store import Records
from tests.system.processes import until

NOW_MS = 1_763_820_000_000
DAY_MS = 86_400_000


async def filled(folder: Path) -> Path:
    """Return a data directory with records."""
    records = Records(folder / "records.db")
    await asyncio.to_thread(records.open)
    await asyncio.to_thread(records.close)
    return folder


async def run_until(keeper: BackupKeeper, holds: Callable[[], bool]) -> None:
    running = asyncio.create_task(keeper.run())

    async def condition() -> bool:
        return holds()

    try:
        await until(condition, "a backup")
    finally:
        running.cancel()


def keeper_of(folder: Path, clock: Clock, **settings: object) -> BackupKeeper:
    chosen = BackupSettings.model_validate(settings)
    return BackupKeeper(folder, lambda: chosen, clock)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "backups").glob("*.tar"))


async def test_requested_backup_is_private_and_the_newest_are_kept(tmp_path: Path) -> None:
    folder, now = await filled(tmp_path), [NOW_MS]
    keeper = keeper_of(folder, lambda: now[0], keep=2)
    for number in range(3):
        now[0] = NOW_MS + number * 1000
        keeper.request()
        assert keeper.state.running
        await run_until(keeper, lambda: not keeper.state.running)
    assert len(await asyncio.to_thread(names, folder)) == 2
    newest, _ = await keeper.all()
    assert newest.created_ms == NOW_MS + 2000
    path = await asyncio.to_thread(keeper.path, newest.name)
    assert (await asyncio.to_thread(path.stat)).st_mode & 0o777 == 0o600


async def test_failure_is_shown_and_leaves_no_file(tmp_path: Path) -> None:
    folder = await filled(tmp_path)
    blocked = tmp_path / "file"
    await asyncio.to_thread(blocked.write_text, "no directory")
    keeper = keeper_of(folder, lambda: NOW_MS, directory=str(blocked))
    keeper.request()
    await run_until(keeper, lambda: not keeper.state.running)
    assert keeper.state.error != ""


@pytest.mark.parametrize(("age_ms", "due"), [(DAY_MS - 1000, False), (DAY_MS, True)])
async def test_schedule_counts_from_the_newest_backup(
    tmp_path: Path, age_ms: int, *, due: bool
) -> None:
    folder, now = await filled(tmp_path), [NOW_MS]
    keeper = keeper_of(folder, lambda: now[0], every="1d")
    assert await keeper._is_due()
    await keeper._make()
    now[0] += age_ms
    assert await keeper._is_due() is due


async def test_failed_backup_is_tried_again_after_an_hour(tmp_path: Path) -> None:
    folder, now = await filled(tmp_path), [NOW_MS]
    blocked = tmp_path / "file"
    await asyncio.to_thread(blocked.write_text, "no directory")
    keeper = keeper_of(folder, lambda: now[0], every="1d", directory=str(blocked / "x"))
    await keeper._make()
    now[0] += 3_599_000
    assert not await keeper._is_due()
    now[0] += 1000
    assert await keeper._is_due()


async def test_nothing_is_made_without_a_schedule(tmp_path: Path) -> None:
    keeper = keeper_of(await filled(tmp_path), lambda: NOW_MS)
    assert not await keeper._is_due()
    with pytest.raises(ValueError, match="10m"):
        BackupSettings.model_validate({"every": "1m"})
