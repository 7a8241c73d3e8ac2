"""Escalation: who is notified next when nobody acknowledges an alert in time."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.notifications.stored import log_entry, log_row
from alerting.routing.alerts import RoutedAlert
from alerting.routing.dispatcher import AlertDispatcher
from alerting.routing.escalation import Escalation, problem_of_steps
from alerting.routing.files.loader import parse_routing
from alerting.routing.notification_log import NotificationLog
from alerting.routing.silences import Silence, Silences
from model.labels import Labels
from model.matchers import Matcher

T0 = 1_700_000_000_000
MINUTE = 60_000
TREE = """
route: {receiver: ops, group_by: [job], group_wait: 10s, group_interval: 5m, repeat_interval: 2h}
receivers:
- {name: ops, webhook_configs: [{url: http://ops}]}
- {name: lead, webhook_configs: [{url: http://lead}]}
- {name: boss, webhook_configs: [{url: http://boss, send_resolved: false}]}
"""
STEPS = (Escalation("ops", 10 * MINUTE, "lead"), Escalation("lead", 20 * MINUTE, "boss"))


class EscalationBench:
    """A dispatcher on simulated time, and what it has sent."""

    def __init__(self, log: NotificationLog | None = None) -> None:
        configuration = replace(parse_routing(TREE, Path("a.yml")), escalations=STEPS)
        self.dispatcher = AlertDispatcher(configuration, Silences(), log or NotificationLog())
        self.now_ms = T0
        self.sent: list[tuple[float, str, str]] = []

    def alert(
        self, host: str = "a", *, by: str = "", ended: bool = False, known: bool = True
    ) -> None:
        """Report an alert of ours, or one of a peer if it is not known to the records."""
        ends_ms = self.now_ms if ended else None
        labels = Labels.of(job="j", host=host)
        alert_id = ord(host) if known else None
        alert = RoutedAlert(
            labels, Labels(), T0, ends_ms, self.now_ms, alert_id=alert_id, acknowledged_by=by
        )
        self.dispatcher.insert(alert, self.now_ms)

    def until(self, minutes: float) -> list[tuple[float, str, str]]:
        """Send what is due until a time, and return minute, receiver and hosts of each."""
        end_ms, self.sent = T0 + round(minutes * MINUTE), []
        while (next_ms := self.dispatcher.next_ms()) is not None and next_ms <= end_ms:
            self.now_ms = max(self.now_ms, next_ms)
            self.send()
        self.now_ms = end_ms
        self.send()
        return self.sent

    def send(self) -> None:
        for each in list(self.dispatcher.due(self.now_ms)):
            self.dispatcher.commit(each)
            hosts = ",".join(
                alert.labels.get("host") + ("+" if alert.ends_ms is None else "-")
                for alert in each.alerts
            )
            if hosts:
                at = round((self.now_ms - T0) / MINUTE, 2)
                self.sent.append((at, each.integration.receiver, hosts))


def test_next_receiver_is_notified_when_nobody_acknowledges_in_time() -> None:
    bench = EscalationBench()
    bench.alert()
    # 10 s of group_wait, then 10 and 20 minutes; not only at the ticks of group_interval.
    assert bench.until(60) == [(0.17, "ops", "a+"), (10.17, "lead", "a+"), (30.17, "boss", "a+")]
    bench.alert(ended=True)
    assert sorted(bench.until(70)) == [(60.17, "lead", "a-"), (60.17, "ops", "a-")]


def test_acknowledged_alert_is_not_escalated_and_its_end_goes_to_who_knows_it() -> None:
    bench = EscalationBench()
    bench.alert()
    bench.until(5)
    bench.alert(by="ann")
    assert bench.until(119) == []
    bench.alert(by="ann", ended=True)
    assert [each[1:] for each in bench.until(130)] == [("ops", "a-")]


def test_acknowledgement_stops_the_next_step_and_the_repetition() -> None:
    bench = EscalationBench()
    bench.alert()
    bench.until(15)
    bench.alert(by="ann")
    assert bench.until(500) == []
    # The acknowledgement is withdrawn: the time to acknowledge is over already.
    bench.alert()
    bench.send()
    assert bench.sent == [(500.0, "boss", "a+")]


def test_each_alert_of_a_group_is_escalated_by_itself() -> None:
    bench = EscalationBench()
    bench.alert()
    bench.until(4)
    bench.alert("b")
    assert bench.until(12) == [(5.17, "ops", "a+,b+"), (10.17, "lead", "a+")]
    bench.alert(by="ann")
    # The lead is sent the whole of what has been escalated, and b by itself at its time.
    assert bench.until(16)[-1] == (15.17, "lead", "a+,b+")


def test_silenced_alert_is_escalated_after_the_silence() -> None:
    bench = EscalationBench()
    bench.alert()
    bench.until(1)
    matchers = (Matcher.of("host", "=", "a"),)
    bench.dispatcher.silences.put(Silence("s", matchers, T0, T0 + 40 * MINUTE, T0, "me", ""))
    assert bench.until(39) == []
    assert bench.until(40.1) == [(40.1, "lead", "a+")]


def test_alert_of_a_peer_is_not_escalated() -> None:
    bench = EscalationBench()
    bench.alert(known=False)
    assert bench.until(100) == [(0.17, "ops", "a+")]


def test_restart_keeps_the_time_of_the_escalation() -> None:
    first = EscalationBench()
    first.alert()
    first.until(7)
    stored = [log_entry(log_row(each)) for each in first.dispatcher.log.entries.values()]
    second = EscalationBench(NotificationLog(stored))
    second.now_ms = T0 + 8 * MINUTE
    second.alert()
    assert second.until(12) == [(10.17, "lead", "a+")]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["fire", "acknowledge", "end"]),
            st.sampled_from("ab"),
            st.floats(0.1, 15),
        ),
        max_size=12,
    )
)
def test_next_receivers_are_sent_no_end_without_a_beginning_and_nothing_twice(
    steps: list[tuple[str, str, float]],
) -> None:
    bench, at = EscalationBench(), 0.0
    states: dict[tuple[str, str], str] = {}
    for what, host, minutes in steps:
        if what != "fire" and bench.dispatcher.alert(fingerprint_of(host)) is None:
            continue
        bench.alert(host, by="ann" if what == "acknowledge" else "", ended=what == "end")
        at += minutes
        for _, receiver, hosts in bench.until(at):
            if receiver == "ops":
                # As in Alertmanager, a group shows what ended before it was ever sent.
                continue
            new = False
            for each in hosts.split(","):
                before = states.get((receiver, each[0]), "-")
                assert each[1] == "+" or before == "+"
                new |= before != each[1]
                states[receiver, each[0]] = each[1]
            # Each notification says something new: no repetition is due so soon.
            assert new or at > 120


def fingerprint_of(host: str) -> str:
    """Return the fingerprint of the alert of a host."""
    return RoutedAlert(Labels.of(job="j", host=host), Labels(), T0).fingerprint


@pytest.mark.parametrize(
    ("steps", "problem"),
    [
        ([("a", "b"), ("b", "c")], None),
        ([("a", "x")], 'there is no receiver "x"'),
        ([("x", "a")], 'there is no receiver "x"'),
        ([("a", "a")], '"a" escalates to itself'),
        ([("a", "b"), ("b", "c"), ("c", "a")], '"a" escalates to itself'),
        ([("a", "b"), ("b", "c"), ("c", "b")], '"a" escalates to itself'),
        ([("a", "b"), ("a", "c")], '"a" escalates twice: give one step for each receiver'),
    ],
)
def test_steps_name_receivers_and_lead_to_an_end(
    steps: list[tuple[str, str]], problem: str | None
) -> None:
    made = [Escalation(first, MINUTE, then) for first, then in steps]
    assert problem_of_steps(made, "abc") == problem
