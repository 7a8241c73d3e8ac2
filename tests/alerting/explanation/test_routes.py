"""Each sentence about the routes of an alert, over a dispatcher in simulated time."""

from dataclasses import replace
from pathlib import Path

import pytest

from alerting.explanation.routes import RouteExplanation, route_explanations
from alerting.explanation.sentences import Reason, time_text
from alerting.routing.alerts import RoutedAlert
from alerting.routing.dispatcher import AlertDispatcher
from alerting.routing.escalation import Escalation
from alerting.routing.files.loader import parse_routing
from alerting.routing.notification_log import NotificationLog
from alerting.routing.silences import Silence, Silences
from alerting.routing.time_intervals import TimeInterval
from model.labels import Labels
from model.matchers import Matcher
from storage.api.alerts import Notification

# Tuesday, 2023-11-14 22:13:20 UTC.
T0 = 1_700_000_000_000
TREE = """
route:
  receiver: ops
  group_by: [alertname]
  group_wait: 30s
  group_interval: 5m
  repeat_interval: 4h
  routes:
  - {receiver: night, matchers: [team=night], active_time_intervals: [mornings]}
  - {receiver: quiet, matchers: [team=quiet], mute_time_intervals: [evenings]}
  - {receiver: nobody, matchers: [team=none]}
  - {receiver: ends, matchers: [team=ends], group_by: [...]}
inhibit_rules:
- name: dead host
  source_matchers: [alertname=HostDown]
  target_matchers: [severity=warning]
  equal: [host]
time_intervals:
- {name: mornings, time_intervals: [{times: [{start_time: '06:00', end_time: '09:00'}]}]}
- {name: evenings, time_intervals: [{times: [{start_time: '20:00', end_time: '24:00'}]}]}
receivers:
- {name: ops, webhook_configs: [{url: 'http://ops'}]}
- {name: night, webhook_configs: [{url: 'http://night'}]}
- {name: quiet, webhook_configs: [{url: 'http://quiet'}]}
- {name: ends, webhook_configs: [{url: 'http://ends', send_resolved: false}]}
- {name: nobody}
"""


def alert(acknowledged_by: str = "", ends_ms: int | None = None, **labels: str) -> RoutedAlert:
    own = Labels.of({"alertname": "High", "host": "a"} | labels)
    return RoutedAlert(own, Labels(), T0, ends_ms, T0, alert_id=1, acknowledged_by=acknowledged_by)


class Routed:
    """A dispatcher with its alerts, and the explanation of one of them."""

    def __init__(self) -> None:
        configuration = parse_routing(TREE, Path("a.yml"))
        self.dispatcher = AlertDispatcher(configuration, Silences(), NotificationLog())

    def insert(self, one: RoutedAlert, now_ms: int = T0) -> RoutedAlert:
        self.dispatcher.insert(one, now_ms)
        return one

    def send(self, now_ms: int) -> None:
        for each in list(self.dispatcher.due(now_ms)):
            self.dispatcher.commit(each)

    def explain(
        self, one: RoutedAlert, now_ms: int = T0, *sent: Notification, fires: bool = True
    ) -> RouteExplanation:
        deliveries: dict[str, list[Notification]] = {}
        for each in sent:
            deliveries.setdefault(each.receiver, []).append(each)
        [found] = route_explanations(self.dispatcher, one, now_ms, deliveries, fires=fires)
        return found

    def texts(self, one: RoutedAlert, now_ms: int = T0, *sent: Notification) -> dict[str, str]:
        found = self.explain(one, now_ms, *sent)
        return {each.reason.value: each.text for each in found.sentences}


@pytest.fixture
def routed() -> Routed:
    return Routed()


def test_new_group_waits_for_group_wait(routed: Routed) -> None:
    one = routed.insert(alert())
    found = routed.explain(one, T0 + 1000)
    assert (found.route.receiver, found.path, found.integrations) == (
        "ops",
        (),
        ("ops/webhook[0]",),
    )
    assert found.group_labels == Labels.of(alertname="High")
    assert [each.text for each in found.sentences] == [
        "Its group waits for group_wait (30s) until 2023-11-14 22:13:50 UTC."
    ]


def test_sent_alert_names_its_notification_and_the_repetition(routed: Routed) -> None:
    one = routed.insert(alert())
    routed.send(T0 + 30_000)
    assert routed.texts(one, T0 + 60_000) == {
        "group_interval": "Changes of its group are sent after group_interval (5m), next at "
        "2023-11-14 22:18:50 UTC.",
        "notified": "ops/webhook[0] was last notified at 2023-11-14 22:13:50 UTC.",
        "repeats": "ops/webhook[0] is notified again after repeat_interval (4h), not before "
        "2023-11-15 02:13:50 UTC, if the alert still fires.",
    }


def test_acknowledged_alert_is_not_repeated(routed: Routed) -> None:
    one = routed.insert(alert("ann"))
    routed.send(T0 + 30_000)
    text = routed.texts(one, T0 + 60_000)["no_repeat"]
    assert text == "It is not repeated: ann acknowledged every alert of the group."


def test_delivery_of_a_group_is_shown_with_its_notification(routed: Routed) -> None:
    one = routed.insert(alert())
    at_ms = T0 + 30_000
    routed.send(at_ms)
    name = "ops/webhook[0]"
    accepted = Notification(name, "{}", id=1, created_ms=at_ms, delivered_ms=at_ms + 1000)
    assert routed.texts(one, at_ms, accepted)["delivered"] == (
        "ops/webhook[0] accepted a notification at 2023-11-14 22:13:51 UTC."
    )
    failing = replace(
        accepted, delivered_ms=None, attempts=2, next_attempt_ms=at_ms + 5000, last_error="500"
    )
    assert routed.texts(one, at_ms, failing)["delivery_waits"] == (
        "A notification to ops/webhook[0] waits for its attempt 3 at 2023-11-14 22:13:55 UTC. "
        "The last error: 500"
    )
    given_up = replace(failing, abandoned_ms=at_ms + 9000)
    assert routed.texts(one, at_ms, given_up)["delivery_abandoned"] == (
        "The delivery to ops/webhook[0] was given up at 2023-11-14 22:13:59 UTC, after 2 "
        "attempts. The last error: 500"
    )
    older = replace(accepted, created_ms=at_ms - 1)
    assert "delivered" not in routed.texts(one, at_ms, older)


def test_silence_names_its_author_its_end_and_its_comment(routed: Routed) -> None:
    matchers = (Matcher.of("host", "=", "a"),)
    silence = Silence("1", matchers, T0, T0 + 3_600_000, T0, "ann", "upgrade")
    routed.dispatcher.silences.put(silence)
    one = routed.insert(alert())
    found = routed.explain(one)
    assert found.is_held
    assert found.sentences[0].reason is Reason.SILENCED
    assert found.sentences[0].text == "ann silenced it until 2023-11-14 23:13:20 UTC: upgrade"


def test_maintenance_window_names_the_end_of_its_open_window(routed: Routed) -> None:
    windows = (TimeInterval(times=((22 * 60, 23 * 60),)),)
    matchers = (Matcher.of("host", "=", "a"),)
    always = Silence("1", matchers, T0, T0 + 10**12, T0, "ann", "backup", windows)
    routed.dispatcher.silences.put(always)
    text = routed.texts(routed.insert(alert()))["maintenance"]
    assert text == "It is in maintenance until 2023-11-14 23:00:00 UTC: backup"
    closed_ms = T0 + 3_600_000
    assert "maintenance" not in routed.texts(alert(), closed_ms)


def test_inhibition_names_the_other_alert_and_the_rule(routed: Routed) -> None:
    routed.insert(alert(alertname="HostDown"))
    one = routed.insert(alert(severity="warning"))
    assert routed.texts(one)["inhibited"] == (
        'HostDown inhibits it by the rule "dead host" while that alert fires.'
    )


@pytest.mark.parametrize(
    ("team", "reason", "text"),
    [
        (
            "night",
            "outside_active_time_interval",
            "The route sends nothing now: it is active only in mornings.",
        ),
        ("quiet", "mute_time_interval", "The route sends nothing now: it is muted in evenings."),
    ],
)
def test_time_intervals_are_named(routed: Routed, team: str, reason: str, text: str) -> None:
    one = routed.insert(alert(team=team))
    found = routed.explain(one)
    assert found.path == (f'{{team="{team}"}}',)
    assert found.is_held
    assert {each.reason.value: each.text for each in found.sentences}[reason] == text


def test_receiver_without_integrations_is_named(routed: Routed) -> None:
    assert routed.texts(routed.insert(alert(team="none"))) == {
        "no_receiver": 'Nothing is sent: no integration belongs to the receiver "nobody".'
    }


def test_end_that_is_not_sent_is_named(routed: Routed) -> None:
    one = alert(team="ends")
    routed.insert(one)
    routed.send(T0 + 30_000)
    ended = replace(one, ends_ms=T0 + 40_000)
    routed.insert(ended, T0 + 40_000)
    text = routed.texts(ended, T0 + 50_000)["resolved_not_sent"]
    assert text == "ends/webhook[0] is not sent the end: its send_resolved is off."


def test_alert_that_does_not_fire_yet_is_not_sent(routed: Routed) -> None:
    found = routed.explain(alert(), T0, fires=False)
    assert [each.text for each in found.sentences] == ["Nothing is sent before the alert fires."]


def test_label_set_that_no_alert_has_would_begin_or_join_a_group(routed: Routed) -> None:
    assert routed.texts(alert(host="new")) == {
        "new_group": "It would begin a group, whose first notification waits for group_wait (30s)."
    }
    routed.insert(alert())
    assert routed.texts(alert(host="new")) == {
        "joins_group": "It would join a group of one alert; changes of that group are sent next "
        f"at {time_text(T0 + 30_000)}."
    }
    routed.insert(alert(host="second"))
    assert "a group of 2 alerts; " in routed.texts(alert(host="new"))["joins_group"]


def test_explaining_changes_nothing(routed: Routed) -> None:
    routed.insert(alert())
    before = (routed.dispatcher.next_ms(), len(list(routed.dispatcher.alerts)))
    routed.explain(alert(host="new"))
    assert (routed.dispatcher.next_ms(), len(list(routed.dispatcher.alerts))) == before


def test_escalation_names_its_time_and_what_stops_it(routed: Routed) -> None:
    step = Escalation("ops", 600_000, "ends")
    configuration = replace(routed.dispatcher.configuration, escalations=(step,))
    routed.dispatcher.reconfigure(configuration, T0)
    one = routed.insert(alert())
    assert routed.texts(one)["escalates"] == (
        "If nobody acknowledges it within 10m of the notification to ops, ends is notified."
    )
    routed.send(T0 + 30_000)
    assert routed.texts(one, T0 + 40_000)["escalates"] == (
        f"If nobody acknowledges it, ends is notified at {time_text(T0 + 630_000)}."
    )
    worked_on = routed.insert(alert("ann"))
    assert routed.texts(worked_on, T0 + 40_000)["no_escalation"] == (
        "ann acknowledged it, so it is not escalated to ends."
    )
    routed.insert(one)
    routed.send(T0 + 630_000)
    texts = routed.texts(one, T0 + 640_000)
    assert "escalates" not in texts
    assert texts["notified"].startswith("ends/webhook[0] was last notified at")
