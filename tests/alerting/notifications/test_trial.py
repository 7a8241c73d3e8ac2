import json

from alerting.notifications.trial import trial_body
from tests.alerting.alerting_doubles import NOW_MS


def test_trial_notification_says_that_it_is_a_test() -> None:
    body = json.loads(trial_body("ops", "http://h", NOW_MS))
    assert body["receiver"] == "ops"
    assert body["status"] == "firing"
    assert body["commonLabels"]["alertname"] == "RedshankTest"
