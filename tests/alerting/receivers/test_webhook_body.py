import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.receivers.webhook_body import (
    NotificationStatus,
    WebhookBody,
    graph_url,
    plain_text,
    rfc3339,
    webhook_body,
)
from model.labels import Labels, fingerprint
from storage.api.alerts import Alert, AlertState
from tests.alerting.alerting_doubles import NOW_MS

ALERT = Alert(
    id=7,
    rule="host/down",
    labels=Labels.of(alertname="HostDown", instance="web-1:9100", severity="critical"),
    annotations=Labels.of(summary="web-1 is down", description="No scrape for 1m."),
    state=AlertState.RESOLVED,
    value=0.0,
    active_ms=NOW_MS - 60_000,
    changed_ms=NOW_MS,
    fired_ms=NOW_MS,
    resolved_ms=NOW_MS + 1_500,
)
EXTERNAL = "http://redshank.example.org"


def test_body_is_alertmanagers_version_4() -> None:
    document = webhook_body(ALERT, NotificationStatus.RESOLVED, "ops", "up == 0", EXTERNAL)
    labels = {"alertname": "HostDown", "instance": "web-1:9100", "severity": "critical"}
    annotations = {"summary": "web-1 is down", "description": "No scrape for 1m."}
    assert json.loads(document.to_json()) == {
        "receiver": "ops",
        "status": "resolved",
        "alerts": [
            {
                "status": "resolved",
                "labels": labels,
                "annotations": annotations,
                "startsAt": "2023-11-14T22:13:20Z",
                "endsAt": "2023-11-14T22:13:21.5Z",
                "generatorURL": f"{EXTERNAL}/explore?query=up%20%3D%3D%200&view=graph",
                "fingerprint": fingerprint(ALERT.labels),
            }
        ],
        "notification_reason": "all alerts resolved",
        "groupLabels": labels,
        "commonLabels": labels,
        "commonAnnotations": annotations,
        "externalURL": EXTERNAL,
        "version": "4",
        "groupKey": '{}:{alertname="HostDown", instance="web-1:9100", severity="critical"}',
        "truncatedAlerts": 0,
    }


def test_firing_alert_has_no_end() -> None:
    document = webhook_body(ALERT, NotificationStatus.FIRING, "ops", "", "")
    assert document.alerts[0].ends_at == "0001-01-01T00:00:00Z"
    assert document.alerts[0].generator_url == ""


def test_fingerprint_is_alertmanagers() -> None:
    assert fingerprint(Labels()) == "cbf29ce484222325"
    # From a body of Alertmanager 0.25.
    labels = Labels.of(alertname="HostDown", instance="web-1:9100")
    assert fingerprint(labels) == "ccf1c6b9aa2b5ee3"


@given(st.dictionaries(st.text(min_size=1), st.text(min_size=1)))
def test_body_survives_a_round_trip_through_json(labels: dict[str, str]) -> None:
    alert = Alert(1, "r", Labels.of(labels), Labels.of(labels), AlertState.FIRING, 1.0, 0, 0, 0)
    document = webhook_body(alert, NotificationStatus.FIRING, "ops", "x", EXTERNAL)
    assert WebhookBody.model_validate_json(document.to_json()) == document


def test_body_of_an_earlier_version_is_read() -> None:
    earlier = json.loads(webhook_body(ALERT, NotificationStatus.FIRING, "ops", "x", "").to_json())
    del earlier["notification_reason"]
    assert WebhookBody.model_validate_json(json.dumps(earlier)).notification_reason == ""


@pytest.mark.parametrize(
    ("time_ms", "text"),
    [
        (None, "0001-01-01T00:00:00Z"),
        (0, "1970-01-01T00:00:00Z"),
        (NOW_MS, "2023-11-14T22:13:20Z"),
        (NOW_MS + 120, "2023-11-14T22:13:20.12Z"),
        (NOW_MS + 7, "2023-11-14T22:13:20.007Z"),
    ],
)
def test_times_are_written_as_go_writes_them(time_ms: int | None, text: str) -> None:
    assert rfc3339(time_ms) == text


def test_graph_link_escapes_the_expression() -> None:
    assert graph_url(EXTERNAL + "/", 'a{b="c&d"} > 1') == (
        f"{EXTERNAL}/explore?query=a%7Bb%3D%22c%26d%22%7D%20%3E%201&view=graph"
    )


def test_plain_text_has_summary_labels_and_link() -> None:
    document = webhook_body(ALERT, NotificationStatus.FIRING, "ops", "up == 0", EXTERNAL)
    title, text = plain_text(document)
    assert title == "[FIRING] web-1 is down"
    assert text.splitlines() == [
        "No scrape for 1m.",
        "alertname: HostDown",
        "instance: web-1:9100",
        "severity: critical",
        f"{EXTERNAL}/explore?query=up%20%3D%3D%200&view=graph",
    ]
