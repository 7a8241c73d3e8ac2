"""Each sentence about the state of an alert."""

from dataclasses import replace

import pytest

from alerting.explanation.states import state_sentences
from model.labels import Labels
from storage.api.alerts import Alert, AlertState

T0 = 1_700_000_000_000
ALERT = Alert(1, "g/a", Labels.of(alertname="A"), Labels(), AlertState.PENDING, 1.0, T0, T0)
FIRED = replace(ALERT, state=AlertState.FIRING, fired_ms=T0 + 300_000, changed_ms=T0 + 300_000)


def texts(alert: Alert, for_ms: int = 300_000, suppressed_by: str = "") -> list[str]:
    return [each.text for each in state_sentences(alert, for_ms, suppressed_by)]


@pytest.mark.parametrize(
    ("alert", "text"),
    [
        (
            ALERT,
            (
                "It is pending: its condition holds since 2023-11-14 22:13:20 UTC and must "
                "hold for 5m. It fires at 2023-11-14 22:18:20 UTC unless the condition "
                "stops holding."
            ),
        ),
        (
            FIRED,
            (
                "It fires since 2023-11-14 22:18:20 UTC: its condition began to hold at 2023-11-14 "
                "22:13:20 UTC and held for 5m."
            ),
        ),
        (
            replace(FIRED, state=AlertState.NO_DATA),
            (
                "It has no data since 2023-11-14 22:18:20 UTC: its expression returns no value, so "
                "nobody knows whether the condition holds."
            ),
        ),
        (
            replace(FIRED, state=AlertState.RESOLVED, resolved_ms=T0 + 600_000),
            (
                "It was resolved at 2023-11-14 22:23:20 UTC: the value recovered, or its rule, "
                "check or host was removed."
            ),
        ),
        (
            replace(ALERT, state=AlertState.INACTIVE),
            "It never fired: its condition stopped holding at 2023-11-14 22:13:20 UTC.",
        ),
    ],
)
def test_state_says_since_when_and_why(alert: Alert, text: str) -> None:
    assert texts(alert) == [text]


def test_alert_without_a_wait_names_none() -> None:
    assert texts(ALERT, for_ms=0) == [
        "It is pending: its condition holds since 2023-11-14 22:13:20 UTC."
    ]
    assert "held for" not in texts(FIRED, for_ms=0)[0]


def test_open_alert_names_what_holds_it_back() -> None:
    assert texts(ALERT, suppressed_by="the host is not up")[1] == (
        "It is held back while this holds: the host is not up. It neither fires nor becomes no "
        "data."
    )
    ended = replace(FIRED, state=AlertState.RESOLVED)
    assert len(texts(ended, suppressed_by="the host is not up")) == 1


def test_acknowledgement_names_the_user_and_the_time() -> None:
    alert = replace(FIRED, acknowledged_by="ann", acknowledged_ms=T0)
    assert texts(alert)[1] == "ann acknowledged it at 2023-11-14 22:13:20 UTC."


def test_flapping_alert_says_how_often_it_fired_and_when_it_is_sent() -> None:
    flapping = replace(FIRED, annotations=Labels.of(flapping="fired 5 times within 1h"))
    assert texts(flapping)[1] == (
        "It flaps: it fired 5 times within 1h. It is notified once meanwhile, and once when it "
        "ends."
    )
