from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from alerting.book.alert_book import AlertBook
from alerting.check_settings import CheckName, HostCheckSettings
from alerting.checks.host_evaluation import HostChecksEvaluation, host_check_key
from alerting.checks.hosts import HostWatcher
from alerting.checks.queries import usage_expression
from alerting.checks.registry import HostCheckRegistry
from alerting.evaluation.health import HealthBoard
from model.labels import Labels
from promql.api import EvaluationError
from storage.api.alerts import CheckOverride
from tests.alerting.alerting_doubles import (
    NOW_MS,
    MemoryAppender,
    RecordingPipeline,
    SetClock,
    WatchedAlerts,
    open_records,
)
from tests.promql.scripted_engine import ScriptedEngine

SETTINGS = HostCheckSettings.model_validate(
    {name: {"for": "1m"} for name in ("down", "cpu", "memory", "disk")} | {"no_data_for": "2m"}
)
CPU, MEMORY, DISK = (
    usage_expression(SETTINGS, check) for check in (CheckName.CPU, CheckName.MEMORY, CheckName.DISK)
)
MINUTE_MS = 60_000


def target(name: str, /, **more: str) -> Labels:
    return Labels.of(job="node", instance=f"{name}:9100", site="a", **more)


class Bench:
    """Host checks of two hosts over a canned engine; time is in minutes since the start."""

    def __init__(self, records: WatchedAlerts, started: float = 0) -> None:
        self.records = records
        self.engine, self.appender = ScriptedEngine(), MemoryAppender()
        self.pipeline = RecordingPipeline()
        self.hosts = ["web-1", "web-2"]
        self.registry = HostCheckRegistry(SETTINGS)
        self.board = HealthBoard(SetClock())
        self.book = AlertBook(records, self.pipeline.run, lambda changes: None)
        watcher = HostWatcher(
            self.engine,
            lambda: [(host, "node", f"{host}:9100") for host in self.hosts],
            NOW_MS + round(started * MINUTE_MS),
        )
        self.evaluation = HostChecksEvaluation(
            self.registry, watcher, self.engine, self.appender, self.book, self.board
        )
        self.values: dict[str, float | None] = {}

    @property
    def notified(self) -> list[str]:
        """Every notice so far: status, alert, severity, host, mount point."""
        labels = ((item.status.value, item.alert.labels) for item in self.pipeline.notices)
        return [
            f"{status} {of.get('alertname')} {of.get('severity')} {of.get('host')}"
            f"{of.get('mountpoint')}"
            for status, of in labels
        ]

    async def at(self, minutes: float, **values: float | None) -> None:
        """Evaluate; values are `web_1_up`, `web_1_cpu` …, None takes the series away."""
        self.values |= values
        now_ms = NOW_MS + round(minutes * MINUTE_MS)
        self.engine.answers |= {
            "up": self._series("up"),
            "timestamp(up)": dict.fromkeys(self._series("up"), now_ms / 1000),
            CPU: self._series("cpu"),
            MEMORY: self._series("memory"),
            DISK: {
                labels.overlaid(Labels.of(mountpoint="/", device="sda", fstype="ext4")): value
                for labels, value in self._series("disk").items()
            },
        }
        await self.evaluation.evaluate(now_ms)

    def _series(self, kind: str) -> Mapping[Labels, float]:
        found = {}
        for name, value in self.values.items():
            host, _, of = name.rpartition("_")
            if of == kind and value is not None:
                metric = {"__name__": "up"} if kind == "up" else {}
                found[target(host.replace("_", "-"), **metric)] = value
        return found

    @property
    def states(self) -> dict[str, str]:
        return {
            f"{item.alert.rule.removeprefix('host/')} {item.alert.labels.get('severity')}"
            f" {item.alert.labels.get('host')}": item.alert.state.value
            for item in self.book.open_alerts()
        }

    @property
    def suppressed_by(self) -> set[str]:
        return {item.suppressed_by for item in self.book.open_alerts()}


@pytest.fixture
async def records(tmp_path: Path) -> AsyncIterator[WatchedAlerts]:
    async with open_records(tmp_path / "records.db") as records:
        yield records


@pytest.fixture
async def bench(records: WatchedAlerts) -> Bench:
    bench = Bench(records)
    await bench.at(
        0, web_1_up=1, web_1_cpu=10, web_1_memory=20, web_1_disk=30, web_2_up=1, web_2_cpu=10
    )
    return bench


async def test_hosts_without_alerts_cost_one_query_for_each_check_and_store_nothing(
    bench: Bench,
) -> None:
    bench.engine.asked.clear()
    await bench.at(1)
    asked = [query for query, *_ in bench.engine.asked]
    assert len(asked) == len(set(asked))
    assert {"up", CPU, MEMORY, DISK} < set(asked)
    assert not any("node_boot_time_seconds" in query for query in asked), "off by default"
    assert not any("deriv" in query for query in asked), "not due yet"
    assert bench.states == {}
    assert list(await bench.records.history(1)) == []
    assert bench.appender.vectors == []


async def test_host_that_cannot_be_scraped_is_down_after_a_minute(bench: Bench) -> None:
    await bench.at(1, web_1_up=0)
    assert bench.states == {"down critical web-1": "pending"}
    await bench.at(2)
    assert bench.notified == ["firing HostDown critical web-1"]
    [item] = bench.book.open_alerts()
    assert item.alert.labels == target(
        "web-1", alertname="HostDown", severity="critical", host="web-1"
    )
    assert item.alert.annotations.get("summary") == "web-1 is down"
    await bench.at(3, web_1_up=1)
    assert bench.notified[1:] == ["resolved HostDown critical web-1"]


async def test_usage_above_the_threshold_fires_and_recovers_below_the_lower_one(
    bench: Bench,
) -> None:
    await bench.at(1, web_1_cpu=86)
    await bench.at(2, web_1_cpu=88)
    assert bench.notified == ["firing HostHighCpu warning web-1"]
    [item] = bench.book.open_alerts()
    assert dict(item.alert.annotations) == {
        "summary": "CPU of web-1 at 88 %",
        "description": "Above 85 % for 1m; ends below 80 %.",
    }
    await bench.at(3, web_1_cpu=81)
    assert bench.states == {"cpu warning web-1": "firing"}
    await bench.at(4, web_1_cpu=79.9)
    assert bench.notified[1:] == ["resolved HostHighCpu warning web-1"]


async def test_jump_to_critical_is_one_notification(bench: Bench) -> None:
    await bench.at(1, web_1_memory=99)
    await bench.at(2)
    assert bench.notified == ["firing HostHighMemory critical web-1"]
    assert bench.states == {
        "memory critical web-1": "firing",
        "memory warning web-1": "pending",
    }
    assert bench.suppressed_by == {"", "HostHighMemory critical"}
    await bench.at(3, web_1_memory=10)
    assert bench.notified[1:] == ["resolved HostHighMemory critical web-1"]
    assert bench.states == {}


async def test_dead_host_is_one_notification_whatever_other_alerts_it_has(bench: Bench) -> None:
    await bench.at(1, web_1_cpu=97, web_1_disk=90)
    await bench.at(2)
    bench.pipeline.notices.clear()
    # The host is dead: `up` is 0, memory and disk are missing at once, the rate lasts as long
    # as its window.
    await bench.at(2.5, web_1_up=0, web_1_memory=None, web_1_disk=None)
    for minutes in range(3, 30):
        await bench.at(minutes, web_1_cpu=99 if minutes < 7 else None)
    assert bench.notified == ["firing HostDown critical web-1"]
    assert bench.states == {
        "down critical web-1": "firing",
        "cpu critical web-1": "firing",
        "disk warning web-1": "firing",
    }
    # The host is back and recovered: each alert that has fired is resolved once.
    bench.pipeline.notices.clear()
    await bench.at(30, web_1_up=1, web_1_memory=20, web_1_disk=50)
    await bench.at(31, web_1_cpu=5)
    assert sorted(bench.notified) == [
        "resolved HostDiskFilling warning web-1/",
        "resolved HostDown critical web-1",
        "resolved HostHighCpu critical web-1",
    ]
    assert bench.states == {}


async def test_rate_that_outlives_its_host_fires_nothing(bench: Bench) -> None:
    await bench.at(1, web_1_cpu=99)
    await bench.at(1.5, web_1_up=0)
    await bench.at(2.1)
    await bench.at(2.4)
    assert bench.notified == []
    assert bench.suppressed_by >= {"the host is not up"}


async def test_metrics_that_vanish_from_a_host_that_is_up_are_no_data(bench: Bench) -> None:
    await bench.at(1, web_1_cpu=97)
    await bench.at(2)
    await bench.at(3, web_1_cpu=None, web_1_memory=None)
    await bench.at(5)
    assert bench.states == {
        "cpu critical web-1": "no_data",
        "memory warning web-1": "no_data",
    }
    summaries = {item.alert.annotations.get("summary") for item in bench.book.open_alerts()}
    assert summaries == {"CPU of web-1 at 97 %", "No data about Memory of web-1"}
    await bench.at(6, web_1_cpu=97, web_1_memory=20)
    assert bench.states == {"cpu critical web-1": "firing", "cpu warning web-1": "pending"}
    assert bench.notified == ["firing HostHighCpu critical web-1"]


async def test_filesystem_unmounted_without_an_alert_is_no_alert(bench: Bench) -> None:
    await bench.at(1, web_1_disk=None)
    await bench.at(10)
    assert bench.states == {}


async def test_host_that_never_had_the_metrics_of_a_check_gets_no_alert(bench: Bench) -> None:
    await bench.at(10)
    await bench.at(20)
    assert bench.states == {}


async def test_filesystems_of_a_host_are_alerts_of_their_own(bench: Bench) -> None:
    await bench.at(0.5)
    bench.engine.answers[DISK] = {
        target("web-1", mountpoint=mountpoint, device="x", fstype="ext4"): value
        for mountpoint, value in (("/", 90.0), ("/data", 96.0), ("/home", 10.0))
    }
    for minutes in (1, 2):
        await bench.evaluation.evaluate(NOW_MS + minutes * MINUTE_MS)
    assert sorted(bench.notified) == [
        "firing HostDiskFilling critical web-1/data",
        "firing HostDiskFilling warning web-1/",
    ]


async def test_override_applies_to_its_host_only(bench: Bench) -> None:
    bench.registry.set_override(CheckOverride("web-2:9100", "cpu", warning=40.0, for_s=0.0))
    bench.registry.set_override(CheckOverride("web-1:9100", "cpu", enabled=False))
    await bench.at(1, web_1_cpu=99, web_2_cpu=50)
    assert bench.notified == ["firing HostHighCpu warning web-2"]
    await bench.at(2, web_2_cpu=36)
    assert bench.states == {"cpu warning web-2": "firing"}
    await bench.at(3, web_2_cpu=34)
    assert bench.states == {}


async def test_switching_a_check_off_resolves_its_alert(bench: Bench) -> None:
    await bench.at(1, web_1_cpu=90, web_2_up=0)
    await bench.at(2)
    bench.registry.set_override(CheckOverride("web-1:9100", "cpu", enabled=False))
    bench.registry.set_override(CheckOverride("web-2:9100", "down", enabled=False))
    bench.pipeline.notices.clear()
    await bench.at(3)
    assert bench.notified == [
        "resolved HostDown critical web-2",
        "resolved HostHighCpu warning web-1",
    ]


async def test_alerts_of_a_removed_host_are_resolved(bench: Bench) -> None:
    await bench.at(1, web_1_cpu=90, web_2_up=0)
    await bench.at(2)
    bench.pipeline.notices.clear()
    bench.hosts.clear()
    await bench.at(3)
    assert len(bench.notified) == 2
    assert bench.states == {}


async def test_target_that_is_not_a_registered_host_is_not_checked(bench: Bench) -> None:
    await bench.at(1, db_up=0, db_cpu=99)
    await bench.at(2)
    assert bench.states == {}


async def test_host_not_scraped_since_the_start_is_unknown_not_down(
    records: WatchedAlerts,
) -> None:
    bench = Bench(records, started=10)
    bench.values = {"web_1_up": 0, "web_1_cpu": 99}
    for minutes in (5, 9):  # the sample's own time: before the server started
        await bench.at(minutes)
        assert bench.states == {}
    await bench.at(10.1)
    assert bench.states == {"down critical web-1": "pending"}


async def test_alert_survives_a_restart_until_its_host_is_scraped_again(
    records: WatchedAlerts,
) -> None:
    before = Bench(records)
    await before.at(0, web_1_up=0, web_2_up=1, web_2_cpu=90)
    await before.at(1)
    assert len(before.notified) == 2
    after = Bench(records, started=60)
    after.book.restore((host_check_key(alert), alert) for alert in await records.open_alerts())
    # Nothing scraped yet: `up` is absent.
    await after.at(60.1)
    await after.at(70)
    assert after.notified == []
    assert set(after.states.values()) == {"firing"}
    assert after.suppressed_by == {"not scraped since the server started"}
    await after.at(70.5, web_1_up=0, web_2_up=1, web_2_cpu=10)
    assert after.notified == ["resolved HostHighCpu warning web-2"]
    assert after.states == {"down critical web-1": "firing"}


async def test_failing_query_changes_no_alert_of_its_check(bench: Bench) -> None:
    await bench.at(1, web_1_cpu=90, web_1_memory=90)
    await bench.at(2)
    bench.engine.answers[CPU] = EvaluationError("too many samples")
    bench.engine.answers[MEMORY] = {target("web-1"): 10.0}
    await bench.evaluation.evaluate(NOW_MS + 3 * MINUTE_MS)
    assert bench.states == {"cpu warning web-1": "firing"}
    assert bench.board["host/cpu"].error == "too many samples"
    bench.engine.answers["up"] = EvaluationError("gone")
    await bench.evaluation.evaluate(NOW_MS + 4 * MINUTE_MS)
    assert {bench.board[f"host/{check}"].word for check in CheckName} == {"err"}
    assert bench.states == {"cpu warning web-1": "firing"}


async def test_alerts_of_host_checks_are_series(bench: Bench) -> None:
    await bench.at(1, web_1_up=0)
    labels = target("web-1", alertname="HostDown", severity="critical", host="web-1")
    alerts = labels.overlaid(Labels.of(__name__="ALERTS", alertstate="pending"))
    assert bench.appender.last["alerts/hosts"][alerts] == 1
    await bench.at(2, web_1_up=1)
    assert bench.appender.last["alerts/hosts"] == {}


async def test_alert_keeps_the_busiest_processes_of_the_moment_at_which_it_held(
    records: WatchedAlerts,
) -> None:
    bench = Bench(records)
    ranking = 'node_processes_top_cpu_ratio{name!=""}'

    def used(name: str, host: str = "web-1") -> Labels:
        return target(host, rank="1", name=name, user="ann", pid="41")

    bench.engine.answers[ranking] = {
        used("idle"): 0.0,
        used("make"): 0.25,
        used("postgres"): 1.5,
        used("other", "web-2"): 9.0,
    }
    await bench.at(0, web_1_up=1, web_1_cpu=99.0, web_2_up=1, web_2_cpu=1.0)
    await bench.at(2)
    sentence = "Busiest processes: postgres (ann, PID 41) 1.50 CPUs, make (ann, PID 41) 0.25 CPUs."
    described = [item.alert.annotations.get("description") for item in bench.book.open_alerts()]
    assert described
    assert all(each.endswith(sentence) for each in described)
    # Once the value has fallen, other processes are no longer what caused it.
    bench.engine.answers[ranking] = {used("cron"): 0.1}
    await bench.at(3, web_1_cpu=1.0)
    (notice, *_) = bench.pipeline.notices
    assert notice.alert.annotations.get("description").endswith(sentence)
    stored = await records.alert(notice.alert.id)
    assert stored.annotations.get("description").endswith(sentence)


async def test_hosts_without_names_of_processes_have_a_description_without_them(
    records: WatchedAlerts,
) -> None:
    bench = Bench(records)
    await bench.at(0, web_1_up=1, web_1_cpu=99.0)
    await bench.at(2)
    described = [item.alert.annotations.get("description") for item in bench.book.open_alerts()]
    assert described
    assert not any("processes" in each for each in described)
