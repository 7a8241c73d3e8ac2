"""The prober retries, keeps states, and writes the names of blackbox_exporter."""

import asyncio
from collections.abc import Sequence

from model.clock import system_clock
from model.labels import Labels
from model.network.name_lookup import NameLookup
from scraper.configuration.probe_targets import probe_targets
from scraper.fetching.address_policy import AddressPolicy
from scraper.probing.heartbeats import Heartbeats
from scraper.probing.library import ProbeEntry
from scraper.probing.prober import Prober
from scraper.scheduling.scraper import Scraper
from storage.api.status.probes import HeartbeatRow, ProbeRow
from tests.patience import PATIENCE_S
from tests.scraper.probing.services import answering, definition, http
from tests.scraper.recording_appender import RecordingAppender


class MemoryProbes:
    """`ProbeRecords` in memory."""

    def __init__(self) -> None:
        self.rows: dict[str, ProbeRow] = {}
        self.beats: dict[str, HeartbeatRow] = {}

    async def all(self) -> Sequence[ProbeRow]:
        return list(self.rows.values())

    async def add(self, row: ProbeRow) -> None:
        self.rows[row.name] = row

    async def change(self, row: ProbeRow) -> None:
        self.rows[row.name] = row

    async def remove(self, name: str) -> None:
        del self.rows[name]

    async def heartbeats(self) -> Sequence[HeartbeatRow]:
        return list(self.beats.values())

    async def issue_heartbeat(self, name: str, token_hash: str, now_ms: int) -> None:
        self.beats[name] = HeartbeatRow(name, token_hash, now_ms, None, failed=False, message="")

    async def forget_heartbeat(self, name: str) -> None:
        self.beats.pop(name, None)

    async def beat(self, name: str, at_ms: int, *, failed: bool, message: str) -> None:
        known = self.beats[name]
        self.beats[name] = HeartbeatRow(
            name, known.token_hash, known.issued_ms, at_ms, failed=failed, message=message
        )


async def test_a_failed_attempt_is_repeated_before_the_probe_fails() -> None:
    requests: list[bytes] = []
    busy, fine = http(status="503 Busy"), http()

    async def answer(head: bytes, writer: asyncio.StreamWriter) -> None:
        await (fine if len(requests) > 1 else busy)(head, writer)

    async with answering(answer, requests=requests) as port:
        probe = definition("http", f"http://127.0.0.1:{port}/", retries=2)
        outcome = await Prober(NameLookup(), system_clock).run(probe)
    assert (outcome.succeeded, outcome.attempts) == (True, 2)


async def test_a_target_of_the_scraper_writes_the_metrics_of_blackbox() -> None:
    store = RecordingAppender()
    async with answering(http(b"x", status="500 Broken")) as port:
        url = f"http://127.0.0.1:{port}/"
        probe = definition("http", url, name="web", labels={"team": "a"})
        prober = Prober(NameLookup(), system_clock)
        prober.watch([probe])
        async with Scraper(store, prober=prober) as scraper:
            scraper.apply(probe_targets([ProbeEntry(probe)], AddressPolicy()))
            async with asyncio.timeout(PATIENCE_S):
                while not store.vectors:  # noqa: ASYNC110 - the scraper announces nothing.
                    await asyncio.sleep(0.01)
            labels = scraper.statuses()[0].target.labels
            state = prober.state("web")
    assert labels == Labels.of(job="probe", instance=url, probe="web", team="a")
    target = {"job": "probe", "instance": url, "probe": "web", "team": "a"}
    assert [value for _, value in store.of("up", **target)] == [1.0]
    assert [value for _, value in store.of("probe_success", **target)] == [0.0]
    assert [value for _, value in store.of("probe_http_status_code", **target)] == [500.0]
    assert store.of("probe_http_duration_seconds", phase="connect", **target)
    assert state is not None
    assert state.outcome is not None
    assert state.outcome.reason == "HTTP status 500, expected 200-299"


def test_a_paused_probe_has_no_target() -> None:
    paused = definition("tcp", "127.0.0.1:1", paused=True)
    assert probe_targets([ProbeEntry(paused)], AddressPolicy()) == []


def test_a_rare_heartbeat_is_looked_at_each_minute() -> None:
    daily = definition("heartbeat", "", interval="1d")
    (target,) = probe_targets([ProbeEntry(daily)], AddressPolicy())
    assert (target.interval_s, target.instance) == (60.0, "probe")


async def test_a_heartbeat_must_be_called_within_interval_and_grace() -> None:
    now_ms = [1_000_000]
    heartbeats = Heartbeats(MemoryProbes(), lambda token: f"#{token}", lambda: now_ms[0])
    prober = Prober(NameLookup(), lambda: now_ms[0], heartbeats)
    probe = definition("heartbeat", "", interval="60s", heartbeat={"grace": "10s"})
    assert (await prober.run(probe)).reason == "no URL was issued for this heartbeat"
    token = await heartbeats.issue("probe")
    assert not await heartbeats.beat("guess")
    now_ms[0] += 70_000
    assert (await prober.run(probe)).succeeded
    now_ms[0] += 1
    assert (await prober.run(probe)).reason == "the URL was not called in time"
    assert await heartbeats.beat(token)
    found = await prober.run(probe)
    assert found.succeeded
    assert found.reply.numbers["heartbeat_timestamp_seconds"] == 1070.001
    assert await heartbeats.beat(token, failed=True, message="disk full")
    assert (await prober.run(probe)).reason == "the job reported a failure: disk full"
    again = await heartbeats.issue("probe")
    assert not await heartbeats.beat(token)
    assert await heartbeats.beat(again)


async def test_a_restart_gives_a_job_the_time_to_call_again() -> None:
    records, now_ms = MemoryProbes(), [1_000_000]
    first = Heartbeats(records, lambda token: f"#{token}", lambda: now_ms[0])
    token = await first.issue("probe")
    await first.beat(token)
    now_ms[0] += 3_600_000
    second = Heartbeats(records, lambda token: f"#{token}", lambda: now_ms[0])
    await second.load()
    prober = Prober(NameLookup(), lambda: now_ms[0], second)
    probe = definition("heartbeat", "", interval="60s")
    assert (await prober.run(probe)).succeeded
    assert second.last("probe") == first.last("probe")
