"""Backup, restore, verification and doctor know the event store."""

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from daemon.data_directory import DataDirectory
from daemon.doctor.files import examine_data_directory
from daemon.doctor.findings import Verdict
from storage.api.events import EventSelection
from storage.api.new_events import NewEvent, NewEvents
from storage.api.requests import NewRequest, RequestSelection
from storage.backup import restore_backup, write_backup
from storage.events import DuckEventStore
from storage.samples.tools.verification import Verified
from storage.verification import verify

NOW_MS = 1_764_000_000_000
FILE = "events.duckdb"


@pytest_asyncio.fixture
async def data(tmp_path: Path) -> AsyncIterator[Path]:
    """Yield a data directory whose event store is in use, and has a log beside the file."""
    directory = tmp_path / "data"
    await asyncio.to_thread(directory.mkdir, 0o700)
    store = DuckEventStore(directory / FILE)
    events = [NewEvent(f"{n}", "open", NOW_MS + n, f"p{n % 7}") for n in range(5000)]
    await store.append(1, NewEvents.of(events[:4000]), NOW_MS)
    await store.checkpoint()
    await store.append(1, NewEvents.of(events[4000:]), NOW_MS)
    await store.requests.append_requests(1, [NewRequest(NOW_MS, "GET", "/", "/", 200, 1)])
    yield directory
    await asyncio.to_thread(store.close)


def backup(data: Path) -> io.BytesIO:
    stream = io.BytesIO()
    write_backup(data, stream, data, NOW_MS)
    stream.seek(0)
    return stream


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    for at in range(0x3000, len(content), 997):
        content[at] ^= 0xFF
    path.write_bytes(content)


async def test_a_backup_of_a_store_in_use_restores_events_and_requests(
    data: Path, tmp_path: Path
) -> None:
    again = tmp_path / "again"
    stream = await asyncio.to_thread(backup, data)
    manifest = await asyncio.to_thread(restore_backup, stream, again)
    assert FILE in [file.name for file in manifest.files]
    store = DuckEventStore(again / FILE)
    totals = await store.totals(EventSelection(1, 0, 2**53))
    requests = await store.requests.latest_requests(RequestSelection(1, 0, 2**53), 10)
    await asyncio.to_thread(store.close)
    assert (totals.events, totals.persons, len(requests)) == (5000, 7, 1)


async def test_verification_and_doctor_find_a_damaged_store(data: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    await asyncio.to_thread(restore_backup, await asyncio.to_thread(backup, data), again)

    def found() -> tuple[list[str], Verdict]:
        items = examine_data_directory(DataDirectory(again))
        (examined,) = [item for item in items if FILE in item.subject]
        return [problem.file for problem in verify(again, Verified())], examined.verdict

    assert await asyncio.to_thread(found) == ([], Verdict.GOOD)
    await asyncio.to_thread(damage, again / FILE)
    problems, verdict = await asyncio.to_thread(found)
    assert (set(problems), verdict) == ({FILE}, Verdict.BAD)


async def test_files_that_a_killed_server_left_are_deleted(data: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    await asyncio.to_thread(restore_backup, await asyncio.to_thread(backup, data), again)

    def files() -> list[str]:
        return sorted(path.name for path in again.iterdir())

    before = await asyncio.to_thread(files)
    for name in ("export-1.parquet", f"{FILE}.compact", f"{FILE}.compact.wal"):
        await asyncio.to_thread((again / name).touch)
    store = DuckEventStore(again / FILE)
    await store.totals(EventSelection(1, 0, 2**53))
    await asyncio.to_thread(store.close)
    assert await asyncio.to_thread(files) == before
