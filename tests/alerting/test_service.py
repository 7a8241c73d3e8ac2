import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest
import structlog

from alerting.built_in_groups import CheckSources
from alerting.check_settings import CheckName
from alerting.checks.kinds import KINDS
from alerting.checks.queries import usage_expression
from alerting.errors import BadOverrideError, DeliveryError, UnknownReceiverError
from alerting.prometheus_json import alerts_data, rules_data
from alerting.receiver_set import NotificationSenders
from alerting.rules.definitions import RuleGroup
from alerting.rules.files import load_rule_files, parse_rule_file
from alerting.service import AlertingConfiguration, AlertingService
from alerting.settings import AlertingSettings
from alerting.time_source import TimeSource
from model.conditions import Conditions
from model.labels import Labels
from promql.api import EvaluationError
from storage.api.alerts import AlertChange, AlertState, CheckOverride, Severity
from storage.api.errors import NotFoundError
from tests.alerting.alerting_doubles import (
    NOW_MS,
    MemoryAppender,
    WatchedAlerts,
    Webhook,
    open_records,
    running_webhook,
)
from tests.patience import PATIENCE_S
from tests.promql.scripted_engine import ScriptedEngine

HOST = Labels.of(job="node", instance="web-1:9100")
UP = Labels.of(__name__="up", job="node", instance="web-1:9100")
RULES = """
groups:
- name: g
  rules:
  - alert: High
    expr: x > 5
  - record: x:doubled
    expr: 2 * x
"""


class SteppedTime:
    """A clock that only `advance` moves; it then wakes the sleepers that are due."""

    def __init__(self) -> None:
        self.now_ms = NOW_MS
        self._sleepers: list[tuple[int, int, asyncio.Event]] = []

    def __call__(self) -> int:
        return self.now_ms

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.Event()
        due_ms = self.now_ms + max(1, round(seconds * 1000))
        self._sleepers.append((due_ms, len(self._sleepers), woken))
        await woken.wait()

    def advance(self, seconds: float) -> None:
        """Move the clock on and wake the sleepers that are due."""
        self.now_ms += round(seconds * 1000)
        due = [sleeper for sleeper in self._sleepers if sleeper[0] <= self.now_ms]
        self._sleepers = [sleeper for sleeper in self._sleepers if sleeper not in due]
        for _, _, woken in due:
            woken.set()


class Bench:
    """A running service; `changes` collects the published changes."""

    def __init__(
        self,
        records: WatchedAlerts,
        session: aiohttp.ClientSession,
        settings: AlertingSettings,
        groups: Sequence[RuleGroup] = (),
    ) -> None:
        self.records, self.engine, self.appender = records, ScriptedEngine(), MemoryAppender()
        self.time = SteppedTime()
        self.changes: asyncio.Queue[AlertChange] = asyncio.Queue()
        self.hosts = [("web-1", "node", "web-1:9100")]
        self.service = AlertingService(
            AlertingConfiguration(settings, tuple(groups)),
            records,
            self.engine,
            self.appender,
            CheckSources(hosts=lambda: self.hosts, conditions=Conditions(self.time)),
            NotificationSenders(session),
            TimeSource(self.time, self.time.sleep),
            sign=lambda text: text.encode().hex(),
        )
        self.unsubscribe = self.service.subscribe(self._changed)
        self.set(up=1.0)

    def _changed(self, changes: Sequence[AlertChange]) -> None:
        for change in changes:
            self.changes.put_nowait(change)

    def set(self, up: float) -> None:
        self.engine.answers["up"] = {UP: up}
        self.engine.answers["timestamp(up)"] = {UP: self.time.now_ms / 1000 + 3600}

    async def change(self) -> tuple[str, str, str]:
        """Let time pass until an alert changes; return its name and both states."""
        async with asyncio.timeout(PATIENCE_S):
            while self.changes.empty():
                self.time.advance(1)
                for _ in range(10):
                    await asyncio.sleep(0)
                # Wait for a write in progress: it runs in a thread.
                await self.records.idle.wait()
            change = self.changes.get_nowait()
        return change.alert.labels.get("alertname"), change.before.value, change.alert.state.value


def settings(webhook: Webhook | None = None, **more: object) -> AlertingSettings:
    receivers = [{"name": "ops", "type": "webhook", "url": webhook.url}] if webhook else []
    document = {
        "evaluation_interval": "1s",
        "start_delay": "0s",
        "checks": {"down": {"for": "2s"}, "no_data_for": "5s"},
        "receivers": receivers or [{"name": "log", "type": "log"}],
        "external_url": "http://redshank.example.org",
    }
    return AlertingSettings.model_validate(document | more)


def rule_groups(text: str = RULES) -> list[RuleGroup]:
    return parse_rule_file(text, Path("rules.yml"), lambda expression: None)


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def webhook() -> AsyncIterator[Webhook]:
    async with running_webhook() as webhook:
        yield webhook


@pytest.fixture
async def records(tmp_path: Path) -> AsyncIterator[WatchedAlerts]:
    async with open_records(tmp_path / "records.db") as records:
        yield records


@asynccontextmanager
async def running(bench: Bench) -> AsyncIterator[AlertingService]:
    async with asyncio.TaskGroup() as tasks:
        await bench.service.start(tasks)
        try:
            yield bench.service
        finally:
            await bench.service.stop()


async def test_next_receiver_gets_an_alert_that_nobody_acknowledges_and_its_end(
    records: WatchedAlerts, session: aiohttp.ClientSession, webhook: Webhook
) -> None:
    async with running_webhook() as lead:
        receivers = [
            {"name": name, "type": "webhook", "url": one.url}
            for name, one in (("ops", webhook), ("lead", lead))
        ]
        steps = [{"receiver": "ops", "after": "10m", "to": "lead"}]
        own = settings(receivers=receivers, route=["ops"], escalations=steps)
        bench = Bench(records, session, own)
        async with running(bench) as service:
            bench.set(up=0.0)
            await bench.change()
            await bench.change()
            assert (await webhook.next())["status"] == "firing"
            bench.time.now_ms += 599_000
            await service.router.flush()
            assert lead.bodies.empty()
            bench.time.now_ms += 60_000
            await service.router.flush()
            body = await lead.next()
            assert (body["receiver"], body["status"]) == ("lead", "firing")
            bench.set(up=1.0)
            assert await bench.change() == ("HostDown", "firing", "resolved")
            assert (await webhook.next())["status"] == "resolved"
            assert (await lead.next())["status"] == "resolved"


async def test_notification_has_a_link_that_acknowledges_its_alert(
    records: WatchedAlerts, session: aiohttp.ClientSession, webhook: Webhook
) -> None:
    bench = Bench(records, session, settings(webhook, acknowledge_links="1d"))
    async with running(bench) as service:
        bench.set(up=0.0)
        await bench.change()
        await bench.change()
        url = (await webhook.next())["alerts"][0]["annotations"]["acknowledge_url"]
        [item] = service.open_alerts()
        link = service.router.links.read(url.rpartition("/")[2])
        assert (link.alert_id, link.receiver) == (item.alert.id, "ops")
        bench.set(up=1.0)
        await bench.change()
        assert "acknowledge_url" not in (await webhook.next())["alerts"][0]["annotations"]


async def test_webhook_gets_a_dead_host_and_its_recovery(
    records: WatchedAlerts, session: aiohttp.ClientSession, webhook: Webhook
) -> None:
    bench = Bench(records, session, settings(webhook))
    async with running(bench) as service:
        bench.set(up=0.0)
        assert await bench.change() == ("HostDown", "inactive", "pending")
        assert await bench.change() == ("HostDown", "pending", "firing")
        body = await webhook.next()
        assert (body["status"], body["receiver"]) == ("firing", "ops")
        assert body["commonLabels"]["host"] == "web-1"
        assert body["alerts"][0]["generatorURL"].startswith("http://redshank.example.org/explore?")
        [item] = service.open_alerts()
        assert item.alert.state is AlertState.FIRING
        assert list(await service.alerts.open_alerts()) == [item.alert]
        await service.acknowledge(item.alert.id, "ada")
        assert await bench.change() == ("HostDown", "firing", "firing")
        bench.set(up=1.0)
        assert await bench.change() == ("HostDown", "firing", "resolved")
        assert (await webhook.next())["status"] == "resolved"
        assert await records.next_outcomes(2) == ["delivered"] * 2
        assert service.open_alerts() == ()
        assert (await service.alerts.alert(item.alert.id)).state is AlertState.RESOLVED
        with pytest.raises(NotFoundError):
            await service.acknowledge(item.alert.id, "ada")


async def test_restart_during_an_alert_sends_nothing_twice(
    records: WatchedAlerts, session: aiohttp.ClientSession, webhook: Webhook
) -> None:
    first = Bench(records, session, settings(webhook))
    async with running(first):
        first.set(up=0.0)
        await first.change()
        await first.change()
        await records.next_outcomes(1)
    second = Bench(records, session, settings(webhook))
    async with running(second) as service:
        [item] = service.open_alerts()
        assert item.alert.state is AlertState.FIRING
        assert await second.change() == ("HostDown", "firing", "resolved")
        await records.next_outcomes(1)
    assert [(await webhook.next())["status"] for _ in range(2)] == ["firing", "resolved"]
    assert webhook.bodies.empty()


async def test_alert_of_a_removed_rule_is_resolved_at_the_start(
    records: WatchedAlerts, session: aiohttp.ClientSession
) -> None:
    first = Bench(records, session, settings(), rule_groups())
    first.engine.answers["x > 5"] = {HOST: 7.0}
    async with running(first):
        assert await first.change() == ("High", "inactive", "firing")
    second = Bench(records, session, settings())
    async with running(second) as service:
        assert await second.change() == ("High", "firing", "resolved")
        assert service.open_alerts() == ()


async def test_rules_are_replaced_while_running(
    records: WatchedAlerts, session: aiohttp.ClientSession
) -> None:
    text = RULES + "- name: h\n  rules:\n  - {alert: Low, expr: x < 1}\n"
    bench = Bench(records, session, settings(), rule_groups(text))
    bench.engine.answers |= {"x > 5": {HOST: 7.0}, "x < 1": {HOST: 0.0}, "2 * x": {HOST: 14.0}}
    async with running(bench) as service:
        fired = {(await bench.change())[0] for _ in range(2)}
        assert fired == {"High", "Low"}
        _, before, _, _ = service.rules()
        await service.replace_rules(rule_groups())
        assert await bench.change() == ("Low", "firing", "resolved")
        _, after, _ = service.rules()
        # The unchanged group kept running.
        assert after.evaluated_ms == before.evaluated_ms
        assert bench.appender.last["alerts/rules.yml;h"] == {}
        await service.replace_rules([])
        assert await bench.change() == ("High", "firing", "resolved")
        assert bench.appender.last["rules/rules.yml;g;1"] == {}


async def test_changed_rule_keeps_its_alert_its_series_and_the_other_groups(
    records: WatchedAlerts, session: aiohttp.ClientSession
) -> None:
    text = RULES.replace("expr: x > 5", "expr: x > 5\n    for: 1m")
    other = "- name: h\n  rules:\n  - {alert: Low, expr: x < 1, for: 1m}\n"
    bench = Bench(records, session, settings(), rule_groups(text + other))
    answers = {"x > 5": {HOST: 7.0}, "x > 6": {HOST: 7.0}, "x < 1": {HOST: 0.0}}
    bench.engine.answers |= answers | {"2 * x": {HOST: 14.0}}
    async with running(bench) as service:
        assert {await bench.change() for _ in range(2)} == {
            ("High", "inactive", "pending"),
            ("Low", "inactive", "pending"),
        }
        before = service.open_alerts()
        written = {name: dict(series) for name, series in bench.appender.last.items()}
        await service.replace_rules(rule_groups(text.replace("x > 5", "x > 6") + other))
        assert service.open_alerts() == before
        # Rules that read these series see them until the next evaluation and after it.
        assert bench.appender.last == written
        assert bench.changes.empty()
        assert {await bench.change() for _ in range(2)} == {
            ("High", "pending", "firing"),
            ("Low", "pending", "firing"),
        }
        after = service.open_alerts()
        assert [each.alert.active_ms for each in after] == [each.alert.active_ms for each in before]
        assert "x > 6" in {query for query, *_ in bench.engine.asked}


async def test_rule_that_gets_or_loses_a_namesake_keeps_its_alert(
    records: WatchedAlerts, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    one = "- {alert: High, expr: x > 5, labels: {severity: warning}}"
    two = f"{one}\n  - {{alert: High, expr: x > 9, labels: {{severity: critical}}}}"

    async def loaded(rules: str) -> tuple[RuleGroup, ...]:
        file = tmp_path / "rules.yml"
        text = f"groups:\n- name: g\n  rules:\n  {rules}\n"
        await asyncio.to_thread(file.write_text, text)
        return await asyncio.to_thread(load_rule_files, [file], lambda expression: None)

    bench = Bench(records, session, settings(), await loaded(one))
    bench.engine.answers |= {"x > 5": {HOST: 7.0}, "x > 9": {}}
    async with running(bench) as service:
        assert await bench.change() == ("High", "inactive", "firing")
        [before] = service.open_alerts()
        for rules in (two, one):
            await service.replace_rules(await loaded(rules))
            assert await bench.change() == ("High", "firing", "firing")
            [after] = service.open_alerts()
            assert replace(after.alert, rule=before.alert.rule) == before.alert
            assert after.alert.rule in service.rule_groups.identities()
            assert await records.open_alerts() == [after.alert]
        bench.engine.answers["x > 5"] = {}
        assert await bench.change() == ("High", "firing", "resolved")


async def test_health_of_a_changed_rule_is_unknown_until_it_is_evaluated(
    records: WatchedAlerts, session: aiohttp.ClientSession
) -> None:
    bench = Bench(records, session, settings(), rule_groups())
    bench.engine.answers |= {"x > 5": EvaluationError("broken"), "2 * x": {HOST: 14.0}}
    async with running(bench) as service:
        while service.rules()[1].rules[1].health.word == "unknown":
            bench.time.advance(1)
            await asyncio.sleep(0)
        await service.replace_rules(rule_groups(RULES.replace("x > 5", "x > 6")))
        words = [rule.health.word for rule in service.rules()[1].rules]
        assert words == ["unknown", "ok"]


async def test_reconfiguration_takes_effect_while_running(
    records: WatchedAlerts, session: aiohttp.ClientSession, webhook: Webhook
) -> None:
    bench = Bench(records, session, settings(), rule_groups())
    bench.engine.answers |= {"x > 5": {HOST: 7.0}, "2 * x": {HOST: 14.0}}
    cpu = usage_expression(settings().checks, CheckName.CPU)
    bench.engine.answers[cpu] = {HOST: 50.0}
    async with running(bench) as service:
        assert (await bench.change())[0] == "High"
        await service.set_override(CheckOverride("web-2:9100", "cpu", warning=70.0))
        stricter = {"cpu": {"warning": 40, "recovery": 30, "for": "0s"}, "no_data_for": "5s"}
        await service.reconfigure(
            AlertingConfiguration(settings(webhook, checks=stricter), tuple(rule_groups()))
        )
        assert await bench.change() == ("HostHighCpu", "inactive", "firing")
        assert (await webhook.next())["commonLabels"]["alertname"] == "HostHighCpu"
        assert service.receivers == (("ops", "webhook"),)
        assert service.check_settings("web-2:9100")[1].check.overridden
        # The alert that fired before keeps firing and is not notified again.
        assert {item.alert.labels.get("alertname") for item in service.open_alerts()} == {
            "High",
            "HostHighCpu",
        }
        slower = settings(webhook, checks=stricter, evaluation_interval="2s")
        await service.reconfigure(AlertingConfiguration(slower, tuple(rule_groups())))
        assert {group.interval_ms for group in service.rules()} == {2_000}
        await service.test_receiver("ops")
        assert (await webhook.next())["commonLabels"]["alertname"] == "RedshankTest"
        bench.engine.answers[cpu] = {HOST: 10.0}
        assert await bench.change() == ("HostHighCpu", "firing", "resolved")


async def test_override_applies_at_once_and_survives_a_restart(
    records: WatchedAlerts, session: aiohttp.ClientSession
) -> None:
    override = CheckOverride("web-1:9100", "cpu", warning=40.0, critical=99.0, for_s=0.0)
    first = Bench(records, session, settings())
    async with running(first) as service:
        await service.set_override(override)
    second = Bench(records, session, settings())
    cpu = usage_expression(settings().checks, CheckName.CPU)
    second.engine.answers[cpu] = {HOST: 50.0}
    async with running(second) as service:
        assert await second.change() == ("HostHighCpu", "inactive", "firing")
        _, view, *_ = service.check_settings("web-1:9100")
        assert (view.check.warning, view.check.recovery, view.check.overridden) == (40, 35, True)
        assert view.conditions[Severity.WARNING].endswith("[5m]))) > 40")
        assert 'instance="web-1:9100"' in view.conditions[Severity.CRITICAL]
        await service.remove_override("web-1:9100", "cpu")
        assert await second.change() == ("HostHighCpu", "firing", "resolved")
    assert list(await records.overrides()) == []


async def test_invalid_override_is_not_stored(
    records: WatchedAlerts, session: aiohttp.ClientSession
) -> None:
    service = Bench(records, session, settings()).service
    with pytest.raises(BadOverrideError, match="warning: must be between"):
        await service.set_override(CheckOverride("web-1:9100", "cpu", warning=500.0))
    with pytest.raises(BadOverrideError, match="check: 'fans' is none of"):
        await service.remove_override("web-1:9100", "fans")
    assert list(await records.overrides()) == []


async def test_stored_override_of_an_unknown_check_is_ignored(
    records: WatchedAlerts, session: aiohttp.ClientSession
) -> None:
    await records.set_override(CheckOverride("web-1:9100", "fans"))
    bench = Bench(records, session, settings())
    with structlog.testing.capture_logs() as lines:
        async with running(bench):
            pass
    assert [line["event"] for line in lines] == ["unknown_check_ignored"]


async def test_trial_of_a_receiver_bypasses_the_outbox(
    records: WatchedAlerts, session: aiohttp.ClientSession, webhook: Webhook
) -> None:
    service = Bench(records, session, settings(webhook)).service
    assert service.receivers == (("ops", "webhook"),)
    await service.test_receiver("ops")
    assert (await webhook.next())["commonLabels"]["alertname"] == "RedshankTest"
    webhook.answers.append(403)
    with pytest.raises(DeliveryError, match="answered 403"):
        await service.test_receiver("ops")
    with pytest.raises(UnknownReceiverError, match="no receiver 'nobody'"):
        await service.test_receiver("nobody")
    assert list(await records.notifications(10)) == []


async def test_failing_subscriber_stops_nothing_and_an_unsubscribed_one_is_not_called(
    records: WatchedAlerts, session: aiohttp.ClientSession
) -> None:
    bench = Bench(records, session, settings())

    def fail(changes: Sequence[AlertChange]) -> None:
        raise RuntimeError("page is gone")

    heard: list[AlertChange] = []
    bench.service.subscribe(fail)
    unsubscribe = bench.service.subscribe(heard.extend)
    with structlog.testing.capture_logs() as lines:
        async with running(bench):
            bench.set(up=0.0)
            await bench.change()
            unsubscribe()
            await bench.change()
    assert len(heard) == 1
    assert [line["event"] for line in lines].count("alert_subscriber_failed") == 2


async def test_rules_and_alerts_have_the_form_of_prometheus(
    records: WatchedAlerts, session: aiohttp.ClientSession
) -> None:
    bench = Bench(records, session, settings(), rule_groups())
    bench.engine.answers["x > 5"] = {HOST: 91.5}
    async with running(bench) as service:
        await service.set_override(CheckOverride("web-1:9100", "cpu", warning=40.0))
        await bench.change()
        # A change in a later evaluation shows that the first evaluation has ended.
        bench.engine.answers["x > 5"] = {HOST: 91.5, Labels.of(instance="other"): 7.0}
        await bench.change()
        data = rules_data(service.rules())
        alerts = alerts_data(service.open_alerts())
    host, group, server = data["groups"]
    alert = {
        "labels": {"alertname": "High", "instance": "web-1:9100", "job": "node"},
        "annotations": {},
        "state": "firing",
        "activeAt": alerts["alerts"][0]["activeAt"],
        "value": "9.15e+01",
    }
    assert alerts["alerts"][0] == alert
    assert [rule["name"] for rule in server["rules"]] == [
        "ServerDegraded",
        "ProbeFailed",
        *["RedshankEvaluatesLate"] * 2,
        *["RedshankStalls"] * 2,
    ]
    rule, recording = group["rules"]
    assert rule["alerts"] == alerts["alerts"]
    assert (rule["state"], rule["health"], rule["type"]) == ("firing", "ok", "alerting")
    assert (rule["query"], rule["duration"], rule["keepFiringFor"]) == ("x > 5", 0, 0)
    assert recording["type"] == "recording"
    assert "state" not in recording
    assert (group["name"], group["file"], group["interval"]) == ("g", "rules.yml", 1.0)
    assert host["name"] == "host checks"
    names = [(rule["name"], rule["labels"]["severity"]) for rule in host["rules"]]
    assert names[:8] == [
        ("HostDown", "critical"),
        *[("HostHighCpu", "critical"), ("HostHighCpu", "warning")] * 2,
        ("HostHighLoad", "critical"),
        ("HostHighLoad", "warning"),
        ("HostHighMemory", "critical"),
    ]
    assert {name for name, _ in names} == {
        kind.alert for kind in KINDS.values() if kind.check is not CheckName.REBOOT
    }


async def test_heartbeat_goes_out_only_while_checks_are_evaluated_on_time(
    records: WatchedAlerts, session: aiohttp.ClientSession, webhook: Webhook
) -> None:
    heartbeat = {"url": webhook.url, "method": "POST", "interval": "1s"}
    bench = Bench(records, session, settings(heartbeat=heartbeat))
    async with running(bench) as service:
        bench.set(up=0.0)
        await bench.change()
        bench.set(up=1.0)
        while not service.heartbeat.calls + service.heartbeat.failures:
            bench.time.advance(1)
            await asyncio.sleep(0.01)
        assert service.heartbeat.withheld == 0
        service._built_in.runners[0]._late_s = 61.0
        assert service._silencing_problem() == "host checks or rules are evaluated 61 s late"
        before = service.heartbeat.withheld
        await service.reconfigure(AlertingConfiguration(settings(heartbeat=None)))
        bench.time.advance(5)
        await asyncio.sleep(0)
        assert service.heartbeat.withheld == before
