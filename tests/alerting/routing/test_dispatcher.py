"""The dispatcher groups, mutes and deduplicates as Alertmanager does; time is simulated."""

from pathlib import Path

from alerting.routing.alerts import RoutedAlert
from alerting.routing.dispatcher import AlertDispatcher
from alerting.routing.files.loader import parse_routing
from alerting.routing.muting import MutingKind
from alerting.routing.notification_log import NotificationLog
from alerting.routing.silences import Silence, Silences
from model.labels import Labels
from model.matchers import Matcher

T0 = 1_700_000_000_000
BASE = """
route:
  receiver: ops
  group_by: [alertname]
  group_wait: 10s
  group_interval: 1m
  repeat_interval: 1h
receivers:
- {name: ops, webhook_configs: [{url: 'http://ops'}]}
- {name: mail, webhook_configs: [{url: 'http://mail', send_resolved: false}]}
"""


class Simulation:
    """A dispatcher whose notifications are all accepted at once."""

    def __init__(self, text: str = BASE, log: NotificationLog | None = None) -> None:
        configuration = parse_routing(text, Path("a.yml"))
        self.dispatcher = AlertDispatcher(configuration, Silences(), log or NotificationLog())
        self.now_ms = T0
        self.sent: list[tuple[int, str, str, str]] = []

    def alert(self, ends_s: float | None = None, acknowledged_by: str = "", **labels: str) -> None:
        known = self.dispatcher.alert(RoutedAlert(Labels.of(labels), Labels(), 0).fingerprint)
        starts_ms = self.now_ms if known is None else known.starts_ms
        ends_ms = None if ends_s is None else T0 + round(ends_s * 1000)
        found = RoutedAlert(
            Labels.of(labels),
            Labels(),
            starts_ms,
            ends_ms,
            self.now_ms,
            alert_id=1,
            acknowledged_by=acknowledged_by,
        )
        self.dispatcher.insert(found, self.now_ms)

    def until(self, seconds: float) -> list[tuple[float, str, str, str]]:
        """Let time pass; return what was sent: when, to whom, why, and the alerts."""
        end_ms = T0 + round(seconds * 1000)
        sent = []
        while (next_ms := self.dispatcher.next_ms()) is not None and next_ms <= end_ms:
            self.now_ms = max(self.now_ms, next_ms)
            for each in list(self.dispatcher.due(self.now_ms)):
                self.dispatcher.commit(each)
                if each.alerts:
                    alerts = ",".join(
                        alert.labels.get("host") + ("+" if alert.ends_ms is None else "-")
                        for alert in each.alerts
                    )
                    at_s = (self.now_ms - T0) / 1000
                    sent.append((at_s, each.integration.receiver, each.reason.value, alerts))
        self.now_ms = end_ms
        return sent

    def silence(self, ends_s: float, *matchers: Matcher) -> None:
        silence = Silence("s", matchers, self.now_ms, T0 + round(ends_s * 1000), 0, "me", "why")
        self.dispatcher.silences.put(silence)


def test_group_waits_then_sends_changes_at_its_interval_and_repeats() -> None:
    bench = Simulation()
    bench.alert(alertname="A", host="1")
    bench.until(5)
    bench.alert(alertname="A", host="2")
    assert bench.until(60) == [(10.0, "ops", "first notification", "1+,2+")]
    bench.alert(alertname="A", host="3")
    assert bench.until(120) == [(70.0, "ops", "new alerts added", "1+,2+,3+")]
    bench.alert(120, alertname="A", host="2")
    assert bench.until(190) == [(130.0, "ops", "some alerts resolved", "1+,2-,3+")]
    assert bench.until(3600) == []
    assert bench.until(3800) == [(3790.0, "ops", "repeat interval elapsed", "1+,3+")]
    bench.alert(3800, alertname="A", host="1")
    bench.alert(3800, alertname="A", host="3")
    assert bench.until(9000) == [(3850.0, "ops", "all alerts resolved", "1-,3-")]


def test_alert_that_ends_before_the_group_is_sent_is_never_sent() -> None:
    bench = Simulation()
    bench.alert(alertname="A", host="1")
    bench.until(5)
    bench.alert(5, alertname="A", host="1")
    assert bench.until(600) == []


def test_receiver_without_resolved_alerts_gets_only_firing_ones() -> None:
    bench = Simulation(BASE.replace("receiver: ops", "receiver: mail"))
    bench.alert(alertname="A", host="1")
    bench.alert(alertname="A", host="2")
    assert [each[3] for each in bench.until(60)] == ["1+,2+"]
    bench.alert(60, alertname="A", host="1")
    assert bench.until(120) == []
    bench.alert(120, alertname="A", host="2")
    bench.until(200)
    bench.alert(alertname="A", host="1")
    assert [each[2:] for each in bench.until(400)] == [("first notification", "1+")]


def test_alert_that_fires_longer_than_the_wait_is_sent_at_once() -> None:
    bench = Simulation()
    old = RoutedAlert(Labels.of(alertname="A", host="1"), Labels(), T0 - 60_000, alert_id=1)
    bench.dispatcher.insert(old, T0)
    assert bench.until(1) == [(0.0, "ops", "first notification", "1+")]


def test_restart_sends_nothing_twice_and_owes_the_end() -> None:
    first = Simulation()
    first.alert(alertname="A", host="1")
    first.until(30)
    second = Simulation(log=NotificationLog(first.dispatcher.log.entries.values()))
    second.now_ms = T0 + 40_000
    second.alert(alertname="A", host="1")
    assert second.until(600) == []
    third = Simulation(log=NotificationLog(second.dispatcher.log.entries.values()))
    third.now_ms = T0 + 700_000
    third.alert(650, alertname="A", host="1")
    assert [each[2:] for each in third.until(800)] == [("all alerts resolved", "1-")]


def test_source_inhibits_its_targets_while_it_fires() -> None:
    bench = Simulation(
        BASE
        + "inhibit_rules: [{name: down, source_matchers: [alertname=Down], "
        + "target_matchers: [alertname=Cpu], equal: [host]}]"
    )
    bench.alert(alertname="Down", host="1")
    bench.alert(alertname="Cpu", host="1")
    bench.alert(alertname="Cpu", host="2")
    assert sorted(each[3] for each in bench.until(30)) == ["1+", "2+"]
    [root] = [bench.dispatcher.configuration.route]
    cpu = bench.dispatcher.alert(
        RoutedAlert(Labels.of(alertname="Cpu", host="1"), Labels(), 0).fingerprint
    )
    assert cpu is not None
    muting = bench.dispatcher.muting(cpu, root, bench.now_ms)
    assert muting is not None
    assert (muting.kind, muting.rule) == (MutingKind.INHIBITION, "down")
    bench.alert(30, alertname="Down", host="1")
    assert sorted(each[3] for each in bench.until(90)) == ["1+,2+", "1-"]


def test_alert_that_both_sides_match_does_not_inhibit_itself() -> None:
    bench = Simulation(
        BASE + "inhibit_rules: [{source_matchers: [a=b], target_matchers: [alertname=A]}]"
    )
    bench.alert(alertname="A", a="b", host="1")
    bench.alert(alertname="A", a="b", host="2")
    assert [each[3] for each in bench.until(30)] == ["1+,2+"]


def test_silenced_alert_is_sent_when_the_silence_ends() -> None:
    bench = Simulation()
    bench.silence(120, Matcher.of("host", "=", "1"))
    bench.alert(alertname="A", host="1")
    assert bench.until(120) == []
    assert bench.until(200) == [(130.0, "ops", "first notification", "1+")]


def test_end_is_sent_although_the_alert_is_silenced_meanwhile() -> None:
    bench = Simulation()
    bench.alert(alertname="A", host="1")
    bench.until(20)
    bench.silence(10_000, Matcher.of("host", "=", "1"))
    bench.alert(30, alertname="A", host="1")
    assert [each[2:] for each in bench.until(90)] == [("all alerts resolved", "1-")]


def test_route_is_mute_in_its_intervals_and_the_end_is_sent_after_them() -> None:
    # T0 is 22:13:20 UTC.
    bench = Simulation(
        BASE.replace(
            "receiver: ops",
            "receiver: ops\n  routes: [{matchers: [host=1], mute_time_intervals: [night]}]",
        )
        + "time_intervals: [{name: night, time_intervals: [{times: [{start_time: '22:15',"
        " end_time: '22:30'}]}]}]"
    )
    bench.alert(alertname="A", host="1")
    assert [each[2] for each in bench.until(30)] == ["first notification"]
    bench.until(110)
    bench.alert(110, alertname="A", host="1")
    assert bench.until(990) == []
    assert [each[2:] for each in bench.until(1200)] == [("all alerts resolved", "1-")]


def test_acknowledged_alerts_are_not_repeated() -> None:
    bench = Simulation()
    bench.alert(alertname="A", host="1")
    bench.until(30)
    bench.alert(alertname="A", host="1", acknowledged_by="ann")
    assert bench.until(9000) == []
    bench.alert(alertname="A", host="2")
    assert [each[3] for each in bench.until(9100)] == ["1+,2+"]


def test_ten_thousand_alerts_are_grouped() -> None:
    bench = Simulation()
    for number in range(10_000):
        bench.alert(alertname=f"A{number % 10}", host=str(number))
    assert len(bench.until(20)) == 10
