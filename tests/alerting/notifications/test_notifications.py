import json
from dataclasses import replace

from alerting.book.states import Notice
from alerting.notifications.notifications import Notifier, trial_body
from alerting.settings import AlertingSettings
from model.labels import Labels
from storage.api.alerts import Alert, AlertState
from tests.alerting.alerting_doubles import NOW_MS

WARNING = Alert(
    1,
    "host/cpu",
    Labels.of(alertname="HostHighCpu", severity="warning"),
    Labels(),
    AlertState.FIRING,
    91.0,
    NOW_MS,
    NOW_MS,
    NOW_MS,
)
CRITICAL = replace(WARNING, labels=Labels.of(alertname="HostDown", severity="critical"))
PAGE = replace(WARNING, labels=Labels.of(alertname="Custom", severity="page"))


def notifier(*receivers: dict[str, object], **settings: object) -> Notifier:
    receivers = tuple({"type": "log"} | receiver for receiver in receivers)
    parsed = AlertingSettings.model_validate({"receivers": receivers, **settings})
    return Notifier(parsed.routed, "http://redshank.example.org")


def told(notifier: Notifier, alert: Alert, notice: Notice = Notice.FIRING) -> list[str]:
    return [item.receiver for item in notifier.compose(alert, notice, "up == 0")]


def test_every_receiver_is_told_and_named_in_its_own_body() -> None:
    items = notifier({"name": "a"}, {"name": "b"}).compose(WARNING, Notice.FIRING, "up == 0")
    assert [(item.receiver, json.loads(item.body)["receiver"]) for item in items] == [
        ("a", "a"),
        ("b", "b"),
    ]
    assert json.loads(items[0].body)["externalURL"] == "http://redshank.example.org"


def test_receiver_that_wants_no_recoveries_hears_none() -> None:
    both = notifier({"name": "a", "send_resolved": False}, {"name": "b"})
    assert told(both, WARNING) == ["a", "b"]
    assert told(both, WARNING, Notice.RESOLVED) == ["b"]


def test_receiver_may_want_critical_alerts_only_and_hears_of_unknown_severities() -> None:
    pager = notifier({"name": "pager", "severities": ["critical"]})
    assert told(pager, WARNING) == []
    assert told(pager, CRITICAL) == ["pager"]
    assert told(pager, PAGE) == ["pager"]


def test_route_leaves_the_others_out() -> None:
    assert told(notifier({"name": "a"}, {"name": "b"}, route=["b"]), WARNING) == ["b"]


def test_trial_says_that_it_is_one() -> None:
    body = json.loads(trial_body("ops", "http://h", NOW_MS))
    assert body["receiver"] == "ops"
    assert body["status"] == "firing"
    assert body["commonLabels"]["alertname"] == "RedshankTest"
