"""Probes and heartbeats in SQLite."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from storage.api.errors import NotFoundError, TakenError
from storage.api.status.probes import HeartbeatRow, ProbeRow, TooManyProbesError
from storage.records.status.sqlite_probes import SqliteProbes
from storage.records.store import Records

ROW = ProbeRow("shop", "{}", "", "ann", 1, 1)


@pytest.fixture
async def records(tmp_path: Path) -> AsyncIterator[Records]:
    records = Records(tmp_path / "records.db")
    await asyncio.to_thread(records.open)
    yield records
    await asyncio.to_thread(records.close)


async def test_probes_are_stored_changed_and_deleted(records: Records) -> None:
    probes = records.probes
    await probes.add(ROW)
    with pytest.raises(TakenError):
        await probes.add(ROW)
    await probes.change(replace(ROW, sealed="x", created_ms=7, changed_ms=7))
    assert await probes.all() == [replace(ROW, sealed="x", changed_ms=7)]
    await probes.issue_heartbeat("shop", "hash", 3)
    await probes.remove("shop")
    assert (await probes.all(), await probes.heartbeats()) == ([], [])
    with pytest.raises(NotFoundError):
        await probes.remove("shop")
    with pytest.raises(NotFoundError):
        await probes.change(ROW)


async def test_a_new_url_replaces_the_one_before_and_its_calls(records: Records) -> None:
    probes = records.probes
    await probes.issue_heartbeat("shop", "first", 3)
    await probes.beat("shop", 5, failed=True, message="full")
    assert await probes.heartbeats() == [
        HeartbeatRow("shop", "first", 3, 5, failed=True, message="full")
    ]
    await probes.issue_heartbeat("shop", "second", 9)
    assert await probes.heartbeats() == [
        HeartbeatRow("shop", "second", 9, None, failed=False, message="")
    ]
    await probes.forget_heartbeat("shop")
    assert await probes.heartbeats() == []


async def test_probes_are_bounded(records: Records) -> None:
    probes = SqliteProbes(records._database, most=1)
    await probes.add(ROW)
    with pytest.raises(TooManyProbesError):
        await probes.add(replace(ROW, name="other"))
