"""Host checks and rules over the real engine and the real store."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alerting.book.alert_book import AlertBook
from alerting.check_settings import CheckName, HostCheckSettings
from alerting.checks.host_check import host_check
from alerting.checks.host_evaluation import HostChecksEvaluation
from alerting.checks.hosts import HostWatcher
from alerting.checks.queries import alert_expression, host_matchers, usage_expression
from alerting.checks.registry import HostCheckRegistry
from alerting.evaluation.health import HealthBoard
from alerting.rules.files import parse_rule_file
from alerting.rules.group_evaluation import RuleGroupEvaluation
from model.labels import Labels
from model.series import STALE
from storage.api.alerts import CheckOverride
from storage.api.samples import Vector
from tests.alerting.alerting_doubles import (
    NOW_MS,
    RecordingPipeline,
    SetClock,
    WatchedAlerts,
    open_records,
)

engine_module: Any = pytest.importorskip("promql.engine")
store_module: Any = pytest.importorskip("storage.samples.store")
parser_module: Any = pytest.importorskip("promql.syntax.parser")

SETTINGS = HostCheckSettings.model_validate(
    {"down": {"for": "1m"}, "cpu": {"for": "1m", "window": "1m"}, "disk": {"for": "0s"}}
)
SCRAPE_MS = 15_000
CORES, MODES = 2, ("idle", "iowait", "user")
SERIES = (
    *(
        Labels.of(__name__="node_cpu_seconds_total", cpu=str(cpu), mode=mode)
        for cpu in range(CORES)
        for mode in MODES
    ),
    Labels.of(__name__="node_memory_MemAvailable_bytes"),
    Labels.of(__name__="node_memory_MemTotal_bytes"),
    *(
        Labels.of(__name__=f"node_filesystem_{what}_bytes", mountpoint=at, fstype=kind, device=at)
        for what in ("avail", "size")
        for at, kind in (("/", "ext4"), ("/run", "tmpfs"))
    ),
)


class Machine:
    """A host's metrics, appended scrape by scrape."""

    def __init__(self, store: Any, name: str) -> None:
        self.name, self._store = name, store
        self._source = store.source(Labels.of(job="node", instance=f"{name}:9100", site="a"))
        self._up = store.layout((Labels.of(__name__="up"),))
        self._layout = store.layout((*self._up.series, *SERIES))
        self._idle_s, self._user_s = 0.0, 0.0
        self.busy, self.disk, self.is_up = 0.1, 0.3, True

    def scrape(self, now_ms: int) -> None:
        self._idle_s += SCRAPE_MS / 1000 * (1 - self.busy)
        self._user_s += SCRAPE_MS / 1000 * self.busy
        cpu = [self._idle_s * 0.9, self._idle_s * 0.1, self._user_s] * CORES
        values = [1.0, *cpu, 50.0, 100.0, 100 * (1 - self.disk), 0.0, 100.0, 100.0]
        if not self.is_up:
            values = [0.0] + [STALE] * len(SERIES)
        self._store.append(
            self._source, Vector(now_ms, self._layout, None, np.array(values, dtype=np.float64))
        )


class Bench:
    """Three machines and their host checks; times are in minutes."""

    def __init__(self, store: Any, engine: Any, records: WatchedAlerts) -> None:
        self.store, self.engine = store, engine
        self.pipeline = RecordingPipeline()
        self.machines = [Machine(store, name) for name in ("a", "b", "c")]
        self.registry = HostCheckRegistry(SETTINGS)
        self.board = HealthBoard(SetClock())
        self.book = AlertBook(records, self.pipeline.run, lambda changes: None)
        hosts = [(machine.name, "node", f"{machine.name}:9100") for machine in self.machines]
        watcher = HostWatcher(engine, lambda: hosts, NOW_MS)
        self.checks = HostChecksEvaluation(
            self.registry, watcher, engine, store, self.book, self.board
        )
        self.now_ms = NOW_MS

    @property
    def notified(self) -> list[str]:
        """Every notice so far: minute, status, alert, severity, host, mount point."""
        changes = (
            ((item.alert.changed_ms - NOW_MS) / 60_000, item.status.value, item.alert.labels)
            for item in self.pipeline.notices
        )
        return [
            f"{minutes:g} {status} {of.get('alertname')} {of.get('severity')}"
            f" {of.get('host')}{of.get('mountpoint')}"
            for minutes, status, of in changes
        ]

    async def run_to(self, minutes: float) -> None:
        while self.now_ms < NOW_MS + minutes * 60_000:
            self.now_ms += SCRAPE_MS
            for machine in self.machines:
                machine.scrape(self.now_ms)
            await self.checks.evaluate(self.now_ms)
            errors = {check: self.board[f"host/{check}"].error for check in CheckName}
            assert not any(errors.values()), errors

    async def values(self, query: str) -> dict[Labels, float]:
        vector = (await self.engine.instant(query, self.now_ms)).value
        return dict(zip(vector.labels, vector.values.tolist(), strict=True))


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    store = store_module.SqliteSampleStore(tmp_path / "samples", clock=SetClock())
    await asyncio.to_thread(store.open)
    engine = engine_module.LocalEngine(store)
    try:
        async with open_records(tmp_path / "records.db") as records:
            yield Bench(store, engine, records)
    finally:
        await engine.close()
        await asyncio.to_thread(store.close)


async def test_a_day_in_the_life_of_three_hosts(bench: Bench) -> None:
    a, b, c = bench.machines
    await bench.run_to(2)
    assert bench.notified == []
    a.busy = 0.97
    c.disk = 0.9
    await bench.run_to(5)
    b.is_up = False
    a.busy = 0.1
    await bench.run_to(9)
    b.is_up = True
    c.disk = 0.82
    await bench.run_to(11)
    c.disk = 0.5
    await bench.run_to(12)
    # Host b goes down while the disk of c fills, and comes back: one notification each time.
    assert bench.notified == [
        "2.25 firing HostDiskFilling warning c/",
        "3.75 firing HostHighCpu critical a",
        "5.25 resolved HostHighCpu critical a",
        "6.25 firing HostDown critical b",
        "9.25 resolved HostDown critical b",
        "11.25 resolved HostDiskFilling warning c/",
    ]


async def test_usage_expressions_give_the_usage_of_the_machine(bench: Bench) -> None:
    bench.machines[0].busy = 0.25
    await bench.run_to(5)
    for check, expected in ((CheckName.CPU, 25), (CheckName.MEMORY, 50), (CheckName.DISK, 30)):
        values = await bench.values(usage_expression(SETTINGS, check))
        found = {
            labels: value for labels, value in values.items() if labels.get("instance") == "a:9100"
        }
        [value] = found.values()
        assert value == pytest.approx(expected)


async def test_alerts_have_all_labels_of_their_host(bench: Bench) -> None:
    machine = bench.machines[0]
    machine.busy = machine.disk = 0.9
    await bench.run_to(5)
    alerts = [item.alert.labels for item in bench.pipeline.notices]
    assert {labels.get("alertname") for labels in alerts} == {"HostHighCpu", "HostDiskFilling"}
    assert {labels.get("site") for labels in alerts} == {"a"}


async def test_shown_condition_selects_the_hosts_that_alert(bench: Bench) -> None:
    bench.registry.set_override(CheckOverride("b:9100", "disk", warning=20.0))
    bench.machines[2].disk = 0.96
    await bench.run_to(1)
    alerting = {
        (item.alert.labels.get("instance"), item.alert.labels.get("severity"))
        for item in bench.book.open_alerts("host/disk")
    }
    shown = set()
    for machine in bench.machines:
        instance = f"{machine.name}:9100"
        check = bench.registry.check_of(instance, CheckName.DISK)
        for severity in check.severities:
            query = alert_expression(SETTINGS, check, severity, host_matchers("node", instance))
            shown |= {
                (labels.get("instance"), severity.value) for labels in await bench.values(query)
            }
    assert alerting == shown
    assert len(alerting) == 3


async def test_rules_read_what_was_recorded_and_alerts_are_series(bench: Bench) -> None:
    text = """
    groups:
    - name: g
      rules:
      - record: instance:memory:ratio
        expr: node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes
      - alert: Low
        expr: instance:memory:ratio < 0.6
        annotations: {summary: "{{ $labels.instance }} {{ $value | humanizePercentage }}"}
    """
    [group] = parse_rule_file(text, Path("rules.yml"), parser_module.parse)
    await bench.run_to(1)
    rules = RuleGroupEvaluation(group, bench.engine, bench.store, bench.book, bench.board)
    await rules.evaluate(bench.now_ms)
    summaries = {alert.annotations.get("summary") for alert in rules.open_alerts()}
    assert summaries == {"a:9100 50%", "b:9100 50%", "c:9100 50%"}
    firing = await bench.values('ALERTS{alertname="Low",alertstate="firing"}')
    assert {labels.get("instance") for labels in firing} == {"a:9100", "b:9100", "c:9100"}
    rules.end(bench.now_ms + 1)
    bench.now_ms += 1
    assert await bench.values("ALERTS") == {}


def test_every_condition_is_promql() -> None:
    for check in CheckName:
        applied = host_check(SETTINGS, check)
        for severity in applied.severities:
            for matchers in ("", 'instance!~"a|b"', host_matchers("node", 'x"y')):
                parser_module.parse(alert_expression(SETTINGS, applied, severity, matchers))
