import asyncio
import gzip
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import structlog
from aiohttp import web
from structlog.testing import capture_logs

from model.label_limits import LabelLimits
from model.labels import Labels
from model.limits import LimitName, Refusals
from model.metadata import MetricMetadata
from model.targets import Health, TargetStatus
from scraper.configuration.prometheus_config import PrometheusConfig, load_prometheus_config
from scraper.discovery.manager import DiscoveryManager
from scraper.fetching.targets import ScrapeLimits, ScrapeTarget
from scraper.scheduling.scraper import Scraper
from storage.api.errors import StorageError
from storage.api.samples import Source, Vector
from tests.patience import PATIENCE_S
from tests.scraper.exposing_server import Answer, body, serving, stream
from tests.scraper.recording_appender import STALE, RecordingAppender

LIMITS = ScrapeLimits(body_bytes=16 * 2**20)


def target(url: str, name: str, **fields: object) -> ScrapeTarget:
    settings = {"interval_s": 0.1, "timeout_s": 0.1, "limits": LIMITS} | fields
    labels = Labels.of(job="node", instance=name)
    return ScrapeTarget(url, labels, **settings)  # type: ignore[arg-type]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


def status_of(scraper: Scraper, name: str) -> TargetStatus:
    return next(one for one in scraper.statuses() if one.target.instance == name)


def instances_of(store: RecordingAppender) -> list[str]:
    return [source.labels.get("instance") for source, _ in store.vectors]


def health_of(scraper: Scraper, name: str) -> Health:
    return status_of(scraper, name).health


async def endless() -> AsyncIterator[bytes]:
    while True:
        yield b"a" * 2**20


async def gigabyte_of_samples() -> AsyncIterator[bytes]:
    line = b'a{x="' + b"x" * 50 + b'"} 1\n'
    for _ in range(2**10):
        yield line * (2**20 // len(line))


async def drip() -> AsyncIterator[bytes]:
    while True:
        yield b"a"
        await asyncio.sleep(0.02)


HOSTILE: dict[str, tuple[Answer, str]] = {
    "open_string": (body('a{x="\\" 1\n' * 1000), "line 1: the quoted string"),
    "endless": (stream(endless), "body size limit of 16777216 bytes exceeded"),
    "gigabyte": (stream(gigabyte_of_samples), "body size limit"),
    "slow_drip": (stream(drip), "timed out after 0.1 s"),
    "html": (body("<html>", "text/html"), "unsupported Content-Type"),
    "nul": (body(b"a 1\nb\0 1\n"), "line 2: expected a value"),
    "not_utf8": (body(b'a{x="\xff"} 1\n'), "line 1: invalid UTF-8 at column 6"),
    "error": (body("", status=503), "server returned HTTP status 503 Service Unavailable"),
    "no_number": (body("a one\n"), 'line 1: "one" is not a number'),
}


async def test_hostile_targets_are_down_and_do_not_affect_others() -> None:
    store = RecordingAppender()
    answers = {name: answer for name, (answer, _) in HOSTILE.items()}
    async with serving(good=body("a 1\n"), **answers) as url, Scraper(store) as scraper:
        timeouts = {"slow_drip": 0.1}
        scraper.apply(
            [target(url("good"), "good")]
            + [
                target(url(name), name, interval_s=15.0, timeout_s=timeouts.get(name, 15.0))
                for name in HOSTILE
            ]
        )
        await until(
            lambda: (
                all(one.health is not Health.UNKNOWN for one in scraper.statuses())
                and len(store.samples.get(Labels.of(__name__="a", job="node", instance="good"), ()))
                > 3
            )
        )
        assert health_of(scraper, "good") is Health.UP
        for name, (_, reason) in HOSTILE.items():
            assert health_of(scraper, name) is Health.DOWN
            assert reason in status_of(scraper, name).last_error
            assert store.of("up", instance=name)[0][1] == 0


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (ScrapeLimits(body_bytes=8), "body size limit of 8 bytes"),
        (ScrapeLimits(samples=1), "limits.samples"),
        (ScrapeLimits(labels=LabelLimits(value_length=2)), "label value length limit exceeded"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
async def test_scrape_beyond_its_limits_is_counted(
    limits: ScrapeLimits, reason: str, packed: bool
) -> None:
    store, refusals = RecordingAppender(), Refusals()
    text = b'a{x="long"} 1\nb 1\n'

    async def chunks() -> AsyncIterator[bytes]:
        yield gzip.compress(text)

    answer = stream(chunks, {"Content-Encoding": "gzip"}) if packed else body(text)
    async with serving(metrics=answer) as url, Scraper(store, refusals=refusals) as scraper:
        scraper.apply([target(url("metrics"), "x", interval_s=60.0, timeout_s=9.0, limits=limits)])
        await until(lambda: health_of(scraper, "x") is Health.DOWN)
        assert reason in status_of(scraper, "x").last_error
        assert refusals.totals()[LimitName.SCRAPE] == 1


async def test_failed_scrape_within_its_limits_is_not_counted_as_refused() -> None:
    refusals = Refusals()
    async with (
        serving(metrics=body("", status=500)) as url,
        Scraper(RecordingAppender(), refusals=refusals) as scraper,
    ):
        scraper.apply([target(url("metrics"), "x", interval_s=60.0, timeout_s=9.0)])
        await until(lambda: health_of(scraper, "x") is Health.DOWN)
    assert refusals.totals()[LimitName.SCRAPE] == 0


async def test_healthy_target_is_up_and_has_metadata() -> None:
    store = RecordingAppender()
    text = "# HELP a Help.\n# TYPE a gauge\na 1\n"
    async with serving(metrics=body(text)) as url, Scraper(store) as scraper:
        scraper.apply([target(url("metrics"), "x")])
        await until(lambda: len(store.vectors) > 3)
        status = status_of(scraper, "x")
        assert (status.health, status.last_error, status.samples) == (Health.UP, "", 1)
        assert status.last_up_ms == status.last_scrape_ms
        assert scraper.metadata() == {"a": {MetricMetadata("gauge", "Help.")}}
        assert scraper.statistics.samples >= 3
    assert store.of("up")[-1][1] == 1


async def test_repeated_series_are_counted_and_the_target_is_up() -> None:
    store = RecordingAppender()
    async with serving(metrics=body("a 1\na 2\nb 1\n")) as url, Scraper(store) as scraper:
        scraper.apply([target(url("metrics"), "x")])
        await until(lambda: len(store.vectors) > 1)
        status = status_of(scraper, "x")
        assert (status.health, status.samples, status.duplicates) == (Health.UP, 3, 1)
        assert scraper.statistics.duplicates >= 2


async def test_rejected_exposition_reports_its_samples() -> None:
    store = RecordingAppender()
    async with serving(metrics=body("a 1\nb one\n")) as url, Scraper(store) as scraper:
        scraper.apply([target(url("metrics"), "x")])
        await until(lambda: len(store.vectors) > 0)
    assert store.of("up")[0][1] == 0
    assert store.of("scrape_samples_scraped")[0][1] == 1


async def test_scrape_within_tolerance_gets_the_time_of_its_slot() -> None:
    store = RecordingAppender()
    clock = [1_700_000_000_040]
    async with serving(metrics=body("a 1\n")) as url, Scraper(store, lambda: clock[0]) as scraper:
        scraper.apply([target(url("metrics"), "x", interval_s=3600.0, timeout_s=9.0)])
        entry = next(iter(scraper._scrapers.values()))
        await until(lambda: not entry.busy)
        for late_ms, nominal_ms in ((150, 1_700_000_100_000), (999, 1_700_000_200_000)):
            clock[0] = nominal_ms + late_ms
            await entry.scrape(nominal_ms)
    assert [vector.time_ms for _, vector in store.vectors] == [
        1_700_000_000_040,
        1_700_000_100_000,
        1_700_000_200_999,
    ]


async def test_closing_ends_no_series_and_stops_every_task() -> None:
    store = RecordingAppender()
    async with serving(metrics=body("a 1\n"), slow=stream(drip)) as url:
        async with Scraper(store) as scraper:
            scraper.apply(
                [
                    target(url("metrics"), "x"),
                    target(url("slow"), "y", timeout_s=60.0, interval_s=60.0),
                ]
            )
            await until(lambda: bool(store.vectors))
        assert STALE not in {value for _, value in store.of("a")}
        count = len(store.vectors)
        await asyncio.sleep(0)
        assert len(store.vectors) == count


async def test_series_of_a_removed_target_end_and_other_targets_keep_their_state() -> None:
    store = RecordingAppender()
    async with serving(metrics=body("a 1\n")) as url, Scraper(store) as scraper:
        one, two = target(url("metrics"), "one"), target(url("metrics"), "two")
        scraper.apply([one, two])
        await until(lambda: all(status.health is Health.UP for status in scraper.statuses()))
        before = status_of(scraper, "two").last_scrape_ms
        scraper.apply([two])
        await until(lambda: (store.of("a", instance="one") or [(0, 0)])[-1][1] == STALE)
        assert store.of("up", instance="one")[-1][1] == STALE
        assert status_of(scraper, "two").last_scrape_ms is not None
        await until(lambda: status_of(scraper, "two").last_scrape_ms != before)
        assert STALE not in {value for _, value in store.of("a", instance="two")}


async def test_series_of_a_target_removed_during_a_scrape_end_after_it() -> None:
    store = RecordingAppender()
    requested, go_on = asyncio.Event(), asyncio.Event()
    answered = False

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal answered
        yield b"a 1\n"
        if answered:
            requested.set()
            await go_on.wait()
        answered = True

    async with serving(metrics=stream(chunks)) as url, Scraper(store) as scraper:
        scraper.apply([target(url("metrics"), "x", timeout_s=10.0)])
        async with asyncio.timeout(PATIENCE_S):
            await requested.wait()
        scraper.apply([])
        go_on.set()
        await until(lambda: store.of("up")[-1][1] == STALE)
        assert [value for _, value in store.of("a")] == [1, STALE]


async def test_changed_target_keeps_its_labels() -> None:
    store = RecordingAppender()
    async with (
        serving(one=body("a 1\n"), two=body("b 2\n")) as url,
        Scraper(store) as scraper,
    ):
        scraper.apply([target(url("one"), "x")])
        await until(lambda: health_of(scraper, "x") is Health.UP)
        scraper.apply([target(url("two"), "x", interval_s=0.2)])
        await until(lambda: any(labels.metric == "b" for labels in store.samples))
        assert store.of("a")[-1][1] == STALE


async def test_second_target_with_the_same_labels_is_refused() -> None:
    store = RecordingAppender()
    async with serving(one=body("a 1\n"), two=body("a 2\n")) as url, Scraper(store) as scraper:
        scraper.apply([target(url(name), "x") for name in ("one", "one", "two")])
        first, second = scraper.statuses()
        assert second.health is Health.DOWN
        assert second.last_error == "another target has the same labels"
        assert first.target.url == url("one")


async def test_refused_append_is_reported_and_retried() -> None:
    store = RecordingAppender()
    store.failing = StorageError("disk full")
    async with serving(metrics=body("a 1\n")) as url, Scraper(store) as scraper:
        scraper.apply([target(url("metrics"), "x")])
        await until(lambda: scraper.statistics.append_failures > 0)
        assert status_of(scraper, "x").last_error == "not stored: disk full"
        store.failing = None
        await until(lambda: status_of(scraper, "x").last_error == "")
        assert store.of("a")[0][1] == 1


async def test_internal_error_fails_one_scrape_of_one_target(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = RecordingAppender()
    append = store.append
    broken = [RuntimeError("a mistake")]

    def append_or_break(source: Source, vector: Vector) -> None:
        if broken and source.labels.get("instance") == "x":
            raise broken.pop()
        append(source, vector)

    monkeypatch.setattr(store, "append", append_or_break)
    with capture_logs() as logs:
        async with serving(metrics=body("a 1\n")) as url, Scraper(store) as scraper:
            scraper.apply([target(url("metrics"), "x"), target(url("metrics"), "y")])
            await until(lambda: not broken)
            await until(lambda: all(one.health is Health.UP for one in scraper.statuses()))
            await until(lambda: instances_of(store).count("x") > 1)
    assert [log["event"] for log in logs if log["log_level"] == "error"] == ["scrape_crashed"]
    assert len(store.of("a", instance="x")) > 1


async def test_jobs_of_a_prometheus_configuration_are_scraped(tmp_path: Path) -> None:
    store = RecordingAppender()
    async with serving(probe=body("probe_success 1\n")) as url:
        address = url("").removeprefix("http://").rstrip("/")
        config = f"""
global: {{scrape_interval: 100ms, scrape_timeout: 100ms}}
scrape_configs:
  - job_name: probes
    metrics_path: /probe
    file_sd_configs: [{{files: [targets.yml], refresh_interval: 20ms}}]
    relabel_configs:
      - {{source_labels: [__address__], target_label: __param_target}}
      - {{source_labels: [__param_target], target_label: instance}}
      - {{target_label: __address__, replacement: "{address}"}}
"""

        def load() -> PrometheusConfig:
            (tmp_path / "prometheus.yml").write_text(config)
            (tmp_path / "targets.yml").write_text("- targets: ['https://site.example/']\n")
            return load_prometheus_config(tmp_path / "prometheus.yml")

        loaded = await asyncio.to_thread(load)
        async with Scraper(store) as scraper:

            async def changed() -> None:
                scraper.apply(discovery.targets())

            async with DiscoveryManager(changed) as discovery:
                discovery.apply(loaded.jobs)
                await until(lambda: bool(store.vectors))
                assert store.of("probe_success", job="probes", instance="https://site.example/")
                assert scraper.statuses()[0].target.url.endswith(
                    "/probe?target=https%3A%2F%2Fsite.example%2F"
                )


async def test_large_bodies_are_parsed_in_a_thread() -> None:
    store = RecordingAppender()
    large = body("".join(f'a{{x="{i}"}} 1\n' for i in range(60_000)))
    async with serving(metrics=large) as url, Scraper(store) as scraper:
        scraper.apply([target(url("metrics"), "x", interval_s=60.0, timeout_s=60.0)])
        await until(lambda: health_of(scraper, "x") is not Health.UNKNOWN)
        assert status_of(scraper, "x").samples == 60_000


@pytest.mark.parametrize("count", [40])
async def test_many_new_targets_wait_for_their_slots(count: int) -> None:
    store = RecordingAppender()
    async with serving(metrics=body("a 1\n")) as url, Scraper(store) as scraper:
        scraper.apply(
            [target(url("metrics"), str(i), interval_s=3600.0, timeout_s=9.0) for i in range(count)]
        )
        assert not any(entry.busy for entry in scraper._scrapers.values())


async def test_log_lines_of_scrapes_carry_no_id_of_the_request_that_added_the_target() -> None:
    async with serving(broken=body("", status=500)) as url, Scraper(RecordingAppender()) as scraper:
        with capture_logs([structlog.contextvars.merge_contextvars]) as logs:
            with structlog.contextvars.bound_contextvars(request_id="r1"):
                scraper.apply([target(url("broken"), "a")])
            await until(lambda: health_of(scraper, "a") is Health.DOWN)
    (line,) = logs
    assert line["event"] == "scrape_failed"
    assert "request_id" not in line


async def test_large_bodies_are_scraped_while_every_thread_of_the_loop_is_stuck() -> None:
    """Exports, snapshots and large pages run in the loop's default executor."""
    lines = "".join(
        f"metric_{hash(number)} {number * 7919 % 100_003}\n" for number in range(40_000)
    )
    packed = gzip.compress(lines.encode())
    assert len(packed) > 64 * 2**10

    async def compressed(request: web.Request) -> web.Response:
        headers = {"Content-Type": "text/plain", "Content-Encoding": "gzip"}
        return web.Response(body=packed, headers=headers)

    store, gate = RecordingAppender(), threading.Event()
    loop = asyncio.get_running_loop()
    stuck = [loop.run_in_executor(None, gate.wait, 60) for _ in range(100)]
    try:
        async with serving(metrics=compressed) as url, Scraper(store) as scraper:
            scraper.apply([target(url("metrics"), "x", interval_s=60.0, timeout_s=30.0)])
            await until(lambda: status_of(scraper, "x").health is not Health.UNKNOWN)
            assert status_of(scraper, "x").last_error == ""
            gate.set()
    finally:
        gate.set()
        await asyncio.gather(*stuck)
