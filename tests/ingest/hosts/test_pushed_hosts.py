from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from alerting.check_settings import CheckName, HostCheckSettings
from alerting.checks.queries import usage_expression
from ingest.errors import BadTimeError, UnknownHostError
from ingest.hosts.report import HostReport
from model.labels import Labels
from model.targets import Health
from storage.api.hosts import Host, NewHost
from tests.ingest.push_world import NOW_MS, Clock, PushWorld, push_world

GIB = 2.0**30
MINUTE_MS = 60_000


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[PushWorld]:
    async with push_world(tmp_path) as world:
        yield world


async def registered(world: PushWorld, interval_s: float | None = 60.0) -> Host:
    new = NewHost("nas", "", Labels.of(site="home"), interval_s)
    host, _ = await world.records.host_keys.add_host(new, "a1" * 32, NOW_MS)
    await world.hosts.refresh()
    return host


def a_report(time_ms: int, cpu: float = 0.155) -> HostReport:
    return HostReport(
        time_ms=time_ms,
        cpu_used_ratio=cpu,
        memory_used_bytes=4 * GIB,
        memory_total_bytes=16 * GIB,
        memory_used_ratio=0.25,
        disk_used_bytes=125.5 * GIB,
        disk_total_bytes=500 * GIB,
        disk_used_ratio=0.251,
        kernel="Linux",
        kernel_version="5.15.0",
        address="192.168.1.100",
    )


async def report_for(world: PushWorld, host: Host, minutes: int, cpu: float = 0.155) -> None:
    for _ in range(minutes):
        world.clock.now_ms += MINUTE_MS
        world.hosts.update()
        await world.hosts.receive(host.id, a_report(world.clock.now_ms, cpu))


def health(world: PushWorld) -> Health:
    (status,) = world.hosts.statuses()
    return status.health


async def up(world: PushWorld) -> list[float]:
    return list((await world.query("up", world.clock.now_ms)).values())


@pytest.mark.parametrize(
    ("check", "percent"), [(CheckName.CPU, 15.5), (CheckName.MEMORY, 25.0), (CheckName.DISK, 25.1)]
)
async def test_host_checks_evaluate_reports(
    world: PushWorld, check: CheckName, percent: float
) -> None:
    host = await registered(world)
    await report_for(world, host, 7)
    expression = usage_expression(HostCheckSettings(), check)
    (value,) = (await world.query(expression, world.clock.now_ms)).values()
    assert value == pytest.approx(percent)


async def test_cpu_counters_continue_after_a_restart(tmp_path: Path) -> None:
    clock = Clock()
    async with push_world(tmp_path, clock) as world:
        host = await registered(world)
        await report_for(world, host, 4, cpu=0.9)
    async with push_world(tmp_path, clock) as world:
        await report_for(world, host, 4, cpu=0.9)
        idle = 'node_cpu_seconds_total{mode="idle"}'
        (resets,) = (await world.query(f"resets({idle}[10m])", clock.now_ms)).values()
        assert resets == 0
        expression = usage_expression(HostCheckSettings(), CheckName.CPU)
        (value,) = (await world.query(expression, clock.now_ms)).values()
        assert value == pytest.approx(90)


async def test_late_report_does_not_change_the_counters(world: PushWorld) -> None:
    host = await registered(world)
    await report_for(world, host, 6)
    await world.hosts.receive(host.id, a_report(world.clock.now_ms - 90_000, cpu=1.0))
    expression = usage_expression(HostCheckSettings(), CheckName.CPU)
    (value,) = (await world.query(expression, world.clock.now_ms)).values()
    assert value == pytest.approx(15.5)


async def test_host_is_down_after_three_intervals_of_silence(world: PushWorld) -> None:
    host = await registered(world)
    assert health(world) is Health.UNKNOWN
    await report_for(world, host, 1)
    assert (health(world), await up(world)) == (Health.UP, [1.0])
    world.clock.now_ms += 3 * MINUTE_MS
    world.hosts.update()
    assert (health(world), await up(world)) == (Health.UP, [1.0])
    world.clock.now_ms += 1
    world.hosts.update()
    assert (health(world), await up(world)) == (Health.DOWN, [0.0])
    assert await world.query("node_memory_MemTotal_bytes", world.clock.now_ms) == {}
    (status,) = world.hosts.statuses()
    assert status.last_error == "no report for 3m"
    assert status.last_up_ms == NOW_MS + MINUTE_MS
    await report_for(world, host, 1)
    world.clock.now_ms += 1
    assert (health(world), await up(world)) == (Health.UP, [1.0])


async def test_up_stays_fresh_between_rare_reports(world: PushWorld) -> None:
    host = await registered(world, interval_s=1800.0)
    await report_for(world, host, 1)
    for _ in range(60):
        world.clock.now_ms += 20_000
        world.hosts.update()
        assert await up(world) == [1.0]


async def test_usual_interval_is_learned_and_survives_a_restart(tmp_path: Path) -> None:
    clock = Clock()
    async with push_world(tmp_path, clock) as world:
        host = await registered(world, interval_s=None)
        for _ in range(6):
            clock.now_ms += 10 * MINUTE_MS
            await world.hosts.receive(host.id, a_report(clock.now_ms))
        assert world.hosts.statuses()[0].target.interval_s == 600
        (key,) = await world.records.host_keys.live(clock.now_ms)
        await world.records.host_keys.touch(key.id, clock.now_ms)
    async with push_world(tmp_path, clock) as world:
        (status,) = world.hosts.statuses()
        assert status.target.interval_s == 600
        assert status.last_up_ms == clock.now_ms


async def test_reports_kept_while_offline_do_not_shorten_the_interval(world: PushWorld) -> None:
    host = await registered(world, interval_s=None)
    for minute in range(-10, 1):
        world.clock.now_ms += 20
        await world.hosts.receive(host.id, a_report(NOW_MS + minute * MINUTE_MS))
    assert world.hosts.statuses()[0].target.interval_s == 60


async def test_silence_counts_from_the_restart(tmp_path: Path) -> None:
    clock = Clock()
    async with push_world(tmp_path, clock) as world:
        host = await registered(world)
        await report_for(world, host, 1)
        (key,) = await world.records.host_keys.live(clock.now_ms)
        await world.records.host_keys.touch(key.id, clock.now_ms)
    clock.now_ms += 60 * MINUTE_MS
    async with push_world(tmp_path, clock) as world:
        world.hosts.update()
        assert health(world) is Health.UNKNOWN
        assert await up(world) == []
        clock.now_ms += 3 * MINUTE_MS + 1
        world.hosts.update()
        assert (health(world), await up(world)) == (Health.DOWN, [0.0])


async def test_host_that_never_reported_is_not_down(world: PushWorld) -> None:
    await registered(world)
    world.clock.now_ms += 24 * 60 * MINUTE_MS
    world.hosts.update()
    assert health(world) is Health.UNKNOWN
    assert await up(world) == []


async def test_series_of_a_removed_host_end(world: PushWorld) -> None:
    host = await registered(world)
    await report_for(world, host, 2)
    await world.records.hosts.remove(host.id)
    world.clock.now_ms += 1000
    await world.hosts.refresh()
    assert await up(world) == []
    assert await world.query("node_memory_MemTotal_bytes", world.clock.now_ms) == {}
    assert world.hosts.statuses() == []
    with pytest.raises(UnknownHostError):
        await world.hosts.receive(host.id, a_report(world.clock.now_ms))


async def test_implausible_time_is_rejected_with_its_field(world: PushWorld) -> None:
    host = await registered(world)
    for time_ms in (0, NOW_MS + 3_600_000):
        with pytest.raises(BadTimeError, match="collected_at"):
            await world.hosts.receive(host.id, a_report(time_ms))
    assert health(world) is Health.UNKNOWN


async def test_series_have_the_hosts_labels(world: PushWorld) -> None:
    host = await registered(world)
    await report_for(world, host, 1)
    own = '{instance="nas",job="node",site="home"}'
    for metric in ("up", "node_memory_MemAvailable_bytes", "node_cpu_seconds_total"):
        assert await world.query(f"{metric}{own}", world.clock.now_ms), metric
    uname = 'node_uname_info{nodename="nas",sysname="Linux",release="5.15.0"}'
    assert await world.query(uname, world.clock.now_ms)
    assert world.hosts.hosts() == [("nas", "node", "nas")]
