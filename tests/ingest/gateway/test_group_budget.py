"""All groups of the push gateway together stay within the limits of one sender."""

import asyncio
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path

import pytest

from ingest.errors import BadLabelsError, PushLimitError
from ingest.gateway.families import InconsistentPushError
from ingest.gateway.gateway import PushGateway
from ingest.limits.write_limits import BudgetLimits, WriteLimits
from model.limits import LimitName, Refusals
from model.memory_pressure import MemoryLimitError, MemoryPressure, MemoryReading
from scraper.exposition.formats import ExpositionFormat
from storage.records.store import Records
from storage.samples.store import SqliteSampleStore

NOW_MS = 1_790_000_000_000
# Each group has two series of its own: the times of its last pushes.
LIMITS = WriteLimits(sender=BudgetLimits(series=8, streams=2))
JOB_A, JOB_B, JOB_C = ((("job", name),) for name in "abc")


class World:
    def __init__(self, store: SqliteSampleStore, records: Records) -> None:
        self.store, self.records = store, records
        self.refusals, self.memory = Refusals(), MemoryReading()
        self.clock = count(NOW_MS)

    async def gateway(self) -> PushGateway:
        gateway = PushGateway(
            self.store,
            self.records.pushed_groups,
            lambda: next(self.clock),
            lambda: 15.0,
            LIMITS,
            refusals=self.refusals,
            memory=self.memory,
        )
        await gateway.load()
        return gateway


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    store = SqliteSampleStore(tmp_path / "samples", clock=lambda: NOW_MS)
    records = Records(tmp_path / "groups.db")
    await asyncio.to_thread(store.open)
    await asyncio.to_thread(records.open)
    yield World(store, records)
    await asyncio.to_thread(records.close)
    await asyncio.to_thread(store.close)


async def push(gateway: PushGateway, key: tuple[tuple[str, str], ...], body: bytes) -> None:
    await gateway.push(key, body, ExpositionFormat.TEXT, whole=True)


async def test_groups_share_the_budget_of_one_sender(world: World) -> None:
    gateway = await world.gateway()
    await push(gateway, JOB_A, b"x 1\ny 1\nz 1\n")
    with pytest.raises(PushLimitError, match=r"ingest\.sender\.series"):
        await push(gateway, JOB_B, b"x 1\ny 1\n")
    await push(gateway, JOB_B, b"x 1\n")
    with pytest.raises(PushLimitError, match=r"ingest\.sender\.(series|streams)"):
        await push(gateway, JOB_C, b"")
    # A group that gets smaller makes room, and so does one that is deleted.
    await push(gateway, JOB_A, b"x 1\n")
    await push(gateway, JOB_B, b"x 1\ny 1\n")
    with pytest.raises(PushLimitError, match=r"ingest\.sender\.(series|streams)"):
        await push(gateway, JOB_C, b"")
    await gateway.delete(JOB_A)
    await push(gateway, JOB_C, b"x 1\n")
    assert sum(world.refusals.totals().values()) == 3


async def test_groups_of_before_a_restart_count(world: World) -> None:
    await push(await world.gateway(), JOB_A, b"x 1\ny 1\nz 1\n")
    again = await world.gateway()
    with pytest.raises(PushLimitError):
        await push(again, JOB_B, b"x 1\ny 1\n")
    await push(again, JOB_A, b"x 2\ny 2\nz 2\n")


async def test_rejected_pushes_do_not_make_groups_without_end(world: World) -> None:
    gateway = await world.gateway()
    for key in (JOB_A, JOB_B):
        with pytest.raises(InconsistentPushError):
            await push(gateway, key, b"x 1 1790000000000\n")
    with pytest.raises(PushLimitError):
        await push(gateway, JOB_C, b"x 1 1790000000000\n")
    assert len(gateway.groups) == 2


async def test_long_labels_are_refused(world: World) -> None:
    gateway = await world.gateway()
    with pytest.raises(BadLabelsError, match=r"ingest\.series\.label_value_length"):
        await push(gateway, JOB_A, b'x{a="' + b"v" * 5000 + b'"} 1\n')
    assert world.refusals.totals()[LimitName.PUSH_LABEL_VALUE_LENGTH] == 1
    assert list(gateway.groups) == []


async def test_large_pushes_are_refused_when_memory_is_short(world: World) -> None:
    gateway = await world.gateway()
    world.memory.pressure = MemoryPressure.HIGH
    with pytest.raises(MemoryLimitError):
        await push(gateway, JOB_A, b"# " + b"x" * 2**20 + b"\n")
    assert world.refusals.totals()[LimitName.MEMORY] == 1
    await push(gateway, JOB_A, b"x 1\n")
