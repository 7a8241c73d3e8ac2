import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ingest.devices.inbox import MessageInbox
from ingest.devices.message import Message
from ingest.errors import BadTimeError, DisorderError, PushLimitError
from ingest.limits.write_limits import BudgetLimits, WriteLimits
from model.limits import LimitName, Refusals
from storage.api.errors import StorageError
from tests.ingest.push_world import NOW_MS, PushWorld, push_world


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[PushWorld]:
    async with push_world(tmp_path) as world:
        yield world


def message(
    identity: str = "m1",
    time_ms: int = NOW_MS,
    names: tuple[str, ...] = ("cpu",),
    values: tuple[float, ...] = (1.0,),
    device: str = "d1",
) -> Message:
    return Message(identity, time_ms, device, "local", names, values, b'{"id":1}')


async def test_metric_becomes_a_series_of_device_and_source(world: PushWorld) -> None:
    await world.inbox.receive(message(names=("cpu usage", "ram"), values=(1.0, 2.0)))
    found = await world.query('{"cpu usage"}', NOW_MS)
    assert list(found.values()) == [1.0]
    assert await world.query(
        'ram{device_id="d1",source="local",job="device",instance="d1"}', NOW_MS
    )


async def test_repeated_message_changes_nothing(world: PushWorld) -> None:
    await world.inbox.receive(message())
    await world.inbox.receive(message(values=(99.0,), time_ms=NOW_MS + 1))
    assert list((await world.query("cpu", NOW_MS + 1)).values()) == [1.0]
    assert world.log.totals.messages == 1
    assert len(world.log.latest(10)) == 1


async def test_concurrent_repetition_of_a_message_counts_once(world: PushWorld) -> None:
    await asyncio.gather(*(world.inbox.receive(message()) for _ in range(50)))
    assert world.log.totals.messages == 1


async def test_rejected_message_is_stored_when_its_time_is_corrected(world: PushWorld) -> None:
    for time_ms in (0, NOW_MS + 3_600_000, 2**62):
        with pytest.raises(BadTimeError, match="timestamp") as caught:
            await world.inbox.receive(message(time_ms=time_ms))
        assert caught.value.field == "timestamp"
    await world.inbox.receive(message())
    assert world.log.totals.messages == 1


async def test_last_value_of_a_repeated_name_counts(world: PushWorld) -> None:
    await world.inbox.receive(message(names=("cpu", "ram", "cpu"), values=(1.0, 2.0, 3.0)))
    assert list((await world.query("cpu", NOW_MS)).values()) == [3.0]


async def test_message_without_metrics_is_accepted(world: PushWorld) -> None:
    await world.inbox.receive(message(names=(), values=()))
    assert world.log.totals.messages == 1


async def test_message_rejected_for_disorder_is_not_remembered(world: PushWorld) -> None:
    for number in range(16):
        await world.inbox.receive(message(f"m{number}", values=(float(number),)))
    with pytest.raises(DisorderError):
        await world.inbox.receive(message("one more", values=(99.0,)))
    assert not world.log.knows("one more")


async def test_answer_follows_both_commits(world: PushWorld, tmp_path: Path) -> None:
    await asyncio.gather(
        *(world.inbox.receive(message(f"m{number}", device=f"d{number}")) for number in range(500))
    )
    async with push_world(await asyncio.to_thread(_copied, tmp_path)) as again:
        assert again.log.totals.messages == 500
        assert len(await again.query("cpu", NOW_MS)) == 500


def _copied(folder: Path) -> Path:
    """Copy the files as they are now: the state that a killed server leaves."""

    target = folder / "copy"
    target.mkdir()
    for path in folder.glob("*.db*"):
        shutil.copy(path, target / path.name)
    return target


async def test_failed_commit_fails_every_waiting_request(
    world: PushWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse() -> None:
        raise StorageError("disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(world.log, "commit", refuse)
        told = await asyncio.gather(
            *(world.inbox.receive(message(f"m{number}", NOW_MS + number)) for number in range(5)),
            return_exceptions=True,
        )
    assert [str(each) for each in told] == ["disk is full"] * 5
    # Devices send the same messages again, and now they are stored.
    for number in range(5):
        await world.inbox.receive(message(f"m{number}", NOW_MS + number))
    assert world.log.totals.messages == 5


def of_device(device: str, number: int, *names: str) -> Message:
    values = (1.0,) * len(names)
    return Message(f"{device}/{number}", NOW_MS + number, device, "local", names, values, b"{}")


async def test_devices_of_a_sender_stay_within_its_budget(world: PushWorld) -> None:
    refusals = Refusals()
    limits = WriteLimits(sender=BudgetLimits(series=3, streams=2, label_bytes=1000))
    commits = world.inbox._commits
    inbox = MessageInbox(world.store, world.log, commits, world.clock, limits, refusals=refusals)
    await inbox.receive(of_device("a", 1, "x", "y"), "ann")
    with pytest.raises(PushLimitError, match=r"ingest\.sender\.series"):
        await inbox.receive(of_device("a", 2, "x", "y", "z", "w"), "ann")
    await inbox.receive(of_device("b", 1, "x"), "ann")
    with pytest.raises(PushLimitError, match=r"ingest\.sender\.streams"):
        await inbox.receive(of_device("c", 1, "x"), "ann")
    # Known series are accepted, another sender has a budget of its own, and a refused
    # message may be sent again.
    await inbox.receive(of_device("a", 3, "x", "y"), "ann")
    await inbox.receive(of_device("c", 1, "x"), "bob")
    assert refusals.totals()[LimitName.SENDER_SERIES] == 1
    assert refusals.totals()[LimitName.SENDER_STREAMS] == 1
    world.clock.now_ms += 25 * 3_600_000
    await inbox.receive(of_device("d", 25 * 3_600_000, "x"), "ann")
    assert [one.labels.get("instance") for one in inbox.devices()] == ["d"]
    # A refused device leaves nothing behind.
    assert len(inbox._sources) == 1
