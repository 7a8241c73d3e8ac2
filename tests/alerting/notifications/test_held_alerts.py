import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC
from itertools import pairwise
from pathlib import Path

import pytest

from alerting.book.lifecycle import Condition
from alerting.routing.silences import Silence
from alerting.routing.time_intervals import TimeInterval
from model.matchers import Matcher
from storage.api.alerts import AlertState
from storage.api.errors import UnwritableError
from storage.api.routing import AlertHold
from tests.alerting.alerting_doubles import WatchedAlerts, open_records
from tests.alerting.notifications.pipeline_world import PipelineWorld, tree

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
HOLDS = {"a": Condition.HOLDS, "b": Condition.HOLDS}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[PipelineWorld]:
    async with open_records(tmp_path / "records.db") as records:
        world = PipelineWorld(records, None)
        await world.begin()
        yield world


async def fire(world: PipelineWorld) -> None:
    await world.observe(HOLDS)
    await world.pass_time(20_000)
    await world.observe(HOLDS)


async def holds_of(world: PipelineWorld, name: str) -> list[AlertHold]:
    return list(await world.records.holds(world.open()[name].id, 10))


async def test_silence_of_a_firing_alert_is_in_its_history_with_start_and_end(
    world: PipelineWorld,
) -> None:
    await fire(world)
    silence = await world.put_silence(1, "a", 60_000)
    [hold] = await holds_of(world, "a")
    assert hold == AlertHold(
        world.open()["a"].id,
        "1",
        is_maintenance=False,
        matchers='i="a"',
        created_by="ann",
        comment="x",
        starts_ms=silence.starts_ms,
    )
    assert await holds_of(world, "b") == []
    await world.pass_time(90_000)
    [ended] = await holds_of(world, "a")
    assert ended == replace(hold, ends_ms=silence.ends_ms)


async def test_silence_holds_an_alert_from_its_firing_until_its_end(world: PipelineWorld) -> None:
    await world.put_silence(1, "a", 3_600_000)
    await world.observe(HOLDS)
    assert await holds_of(world, "a") == []
    await world.pass_time(20_000)
    await world.observe(HOLDS)
    fired_ms = world.clock.now_ms
    alert = world.open()["a"]
    for _ in range(2):
        await world.pass_time(20_000)
        await world.observe({"a": Condition.CLEAR})
    [hold] = await world.records.holds(alert.id, 10)
    assert (hold.starts_ms, hold.ends_ms) == (fired_ms, world.clock.now_ms)


async def test_maintenance_window_holds_from_the_minute_it_opens(world: PipelineWorld) -> None:
    await fire(world)
    now_ms = world.clock.now_ms
    minute = now_ms // 60_000 % 1440 + 2
    window = TimeInterval(times=((minute, minute + 3),), zone=UTC)
    matchers = (Matcher.of("i", "=", "a"),)
    made = Silence("w", matchers, now_ms, now_ms + 10**9, now_ms, "bob", "backup", (window,))
    await world.router.put_silences([made])
    opens_ms = now_ms - now_ms % 60_000 + 120_000
    await world.pass_time(opens_ms + 17_000 - world.clock.now_ms)
    [hold] = await holds_of(world, "a")
    assert (hold.is_maintenance, hold.starts_ms) == (True, opens_ms)
    await world.pass_time(180_000)
    [hold] = await holds_of(world, "a")
    assert hold.ends_ms == opens_ms + 180_000


async def test_hold_that_could_not_be_stored_is_stored_at_the_next_look(
    world: PipelineWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fire(world)

    async def refuse(self: WatchedAlerts, holds: object) -> None:
        raise UnwritableError("records.db", "the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(WatchedAlerts, "change_holds", refuse)
        silence = await world.put_silence(1, "a", 600_000)
        assert await holds_of(world, "a") == []
    await world.pass_time(30_000)
    [hold] = await holds_of(world, "a")
    assert hold.starts_ms == silence.starts_ms


async def test_restart_finds_what_began_and_ended_meanwhile(world: PipelineWorld) -> None:
    await fire(world)
    one = await world.put_silence(1, "a", 60_000)
    # The process dies between the silence and its hold.
    await world.records.change_holds([replace((await holds_of(world, "a"))[0], starts_ms=5)])
    await world.begin()
    assert sorted(each.starts_ms for each in await holds_of(world, "a")) == [5, one.starts_ms]
    world.clock.now_ms += 100_000
    await world.begin()
    assert {each.ends_ms for each in await holds_of(world, "a")} <= {one.ends_ms, None}


async def test_of_many_silences_of_one_alert_the_oldest_sixteen_are_kept(
    world: PipelineWorld,
) -> None:
    await fire(world)
    for number in range(20):
        await world.put_silence(number, "a", 600_000)
        await world.pass_time(1_000)
    found = await world.records.holds(world.open()["a"].id, 100)
    assert {each.silence_id for each in found} == set(map(str, range(16)))


def killed_after(records: Path, rounds: int) -> None:
    """Run the writer, and kill it in the middle of the round after some rounds."""
    with subprocess.Popen(
        [sys.executable, str(HERE / "crash_writer.py"), str(records)],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        text=True,
    ) as process:
        assert process.stdout is not None
        for _ in range(rounds):
            assert process.stdout.readline()
        process.kill()


@pytest.mark.slow
async def test_killed_server_leaves_a_history_without_gaps(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    for rounds in (1, 2, 1, 3):
        await asyncio.to_thread(killed_after, path, rounds)
        async with open_records(path) as records:
            await assert_whole(records)
            before = {each.id for each in await records.open_alerts()}
            world = PipelineWorld(records, tree(wait="0s"))
            world.clock.now_ms = (await records.history(1))[0].time_ms + 1
            await world.begin()
            held = {each.alert_id for each in await records.open_holds()}
            assert held <= before
            await assert_whole(records)


async def assert_whole(records: WatchedAlerts) -> None:
    """Check that changes follow each other, and that each notification names its alerts."""
    changes = sorted(await records.history(1000), key=lambda each: each.id)
    by_alert: dict[int, list[tuple[AlertState, AlertState]]] = {}
    for each in changes:
        by_alert.setdefault(each.alert_id, []).append((each.before, each.after))
    for states in by_alert.values():
        assert states[0][0] is AlertState.INACTIVE
        assert all(before[1] is after[0] for before, after in pairwise(states))
    assert by_alert
    named: dict[int, int] = {}
    for alert_id in by_alert:
        for sent in await records.notifications(1000, alert_id=alert_id):
            named[sent.id] = named.get(sent.id, 0) + 1
        for hold in await records.holds(alert_id, 100):
            assert hold.ends_ms is None or hold.ends_ms >= hold.starts_ms
    log = await records.notifications(1000)
    assert named == {each.id: len(json.loads(each.body)["alerts"]) for each in log}
