"""Deltas become totals: repeated, late, overlapping, across restarts."""

from pathlib import Path

from ingest.limits.write_limits import BudgetLimits, WriteLimits
from tests.ingest.otlp.otlp_setting import NOW_MS, OtlpSetting, counter, otlp_at, request

SERIES = 'hits_total{instance="i1",job="shop"}'


async def send(setting: OtlpSetting, *points: tuple[int, int, float]) -> None:
    """Send deltas of one series; times in milliseconds after NOW_MS."""
    moved = [(NOW_MS + start, NOW_MS + end, value) for start, end, value in points]
    answer = await setting.send(request(counter("hits", *moved, temporality=1)))
    assert (answer.rejected, answer.message) == (0, "")


async def samples(setting: OtlpSetting) -> list[tuple[int, float]]:
    return (await setting.stored())[SERIES]


async def test_deltas_add_up(tmp_path: Path) -> None:
    async with otlp_at(tmp_path) as setting:
        await send(setting, (0, 1000, 3))
        await send(setting, (1000, 2000, 4), (2000, 3000, 5))
        assert await samples(setting) == [(1000, 3), (2000, 7), (3000, 12)]


async def test_a_repeated_request_is_counted_once(tmp_path: Path) -> None:
    async with otlp_at(tmp_path) as setting:
        for _ in range(3):
            await send(setting, (0, 1000, 3), (1000, 2000, 4))
        assert await samples(setting) == [(1000, 3), (2000, 7)]
        assert setting.receiver.statistics.repeated == 4


async def test_a_repeated_request_is_counted_once_across_a_restart(tmp_path: Path) -> None:
    async with otlp_at(tmp_path) as setting:
        await send(setting, (0, 1000, 3))
    async with otlp_at(tmp_path) as setting:
        await send(setting, (0, 1000, 3))
        await send(setting, (1000, 2000, 4))
        assert await samples(setting) == [(1000, 3), (2000, 7)]


async def test_a_late_delta_adds_to_the_newest_total(tmp_path: Path) -> None:
    async with otlp_at(tmp_path) as setting:
        await send(setting, (0, 1000, 3))
        await send(setting, (2000, 3000, 5))
        await send(setting, (1000, 2000, 4))
        await send(setting, (1000, 2000, 4))
        assert await samples(setting) == [(1000, 3), (3000, 8), (3001, 12)]


async def test_overlapping_deltas_are_added_and_counted(tmp_path: Path) -> None:
    async with otlp_at(tmp_path) as setting:
        await send(setting, (0, 1000, 3))
        await send(setting, (500, 1500, 4))
        assert await samples(setting) == [(1000, 3), (1500, 7)]
        assert setting.receiver.statistics.overlapping == 1


async def test_several_deltas_of_one_millisecond_are_all_counted(tmp_path: Path) -> None:
    async with otlp_at(tmp_path) as setting:
        message = request(counter("hits", *[(NOW_MS, NOW_MS, 2.0)] * 3, temporality=1))
        for place, point in enumerate(
            message.resource_metrics[0].scope_metrics[0].metrics[0].sum.data_points
        ):
            point.start_time_unix_nano += 100 * place
            point.time_unix_nano += 100 * (place + 1)
        await setting.send(message)
        assert [value for _, value in await samples(setting)] == [2, 4, 6]


async def test_a_stale_total_starts_from_zero_again(tmp_path: Path) -> None:
    async with otlp_at(tmp_path, limits=WriteLimits(delta_stale_ms=60_000)) as setting:
        await send(setting, (0, 1000, 3))
        setting.now[0] += 120_000
        await send(setting, (1000, 120_000, 4))
        assert await samples(setting) == [(1000, 3), (120_000, 4)]


async def test_what_a_limit_refused_is_added_when_it_is_sent_again(tmp_path: Path) -> None:
    limits = WriteLimits(token=BudgetLimits(streams=1))
    async with otlp_at(tmp_path, limits=limits) as setting:
        first = counter("hits", (NOW_MS, NOW_MS + 1000, 3), temporality=1)
        await setting.send(request(first))
        other = request(
            counter("hits", (NOW_MS + 1000, NOW_MS + 2000, 4), temporality=1),
        )
        other.resource_metrics.extend(
            request(
                counter("hits", (NOW_MS, NOW_MS + 2000, 9), temporality=1),
                resource={"service.name": "other", "x": 1},
            ).resource_metrics
        )
        answer = await setting.send(other)
        assert answer.rejected > 0
        await send(setting, (1000, 2000, 4))
        await send(setting, (2000, 3000, 1))
        assert await samples(setting) == [(1000, 3), (2000, 7), (3000, 8)]
