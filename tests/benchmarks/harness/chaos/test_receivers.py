"""Receivers record what arrives, also what they do not accept."""

import json
import threading

import pytest

from benchmarks.harness.chaos.judge import Arrival
from benchmarks.harness.chaos.receivers import Receivers, receiving
from benchmarks.harness.chaos.targets import RAISED
from benchmarks.harness.loopback import fetch

ALERT = {
    "status": "firing",
    "labels": {"alertname": "ChaosRaised", "instance": "10.99.0.7:80"},
    "annotations": {"level": str(RAISED + 4)},
    "startsAt": "2026-11-29T10:00:00Z",
}
BODY = json.dumps({"alerts": [ALERT]}).encode()


def seen(receivers: Receivers) -> list[tuple[str, str, bool]]:
    return [(one.receiver, one.episode, one.accepted) for one in receivers.arrivals]


def test_alert_of_a_webhook() -> None:
    with receiving("127.0.0.1") as receivers:
        fetch(f"http://127.0.0.1:{receivers.port}/steady", BODY)
        (only,) = receivers.arrivals
    expected = Arrival(
        "steady",
        firing=True,
        alert="ChaosRaised",
        instance="10.99.0.7:80",
        episode="4",
        identity="2026-11-29T10:00:00Z",
        arrived_ms=only.arrived_ms,
        accepted=True,
    )
    assert only == expected


def test_alert_of_a_host_check_names_no_episode() -> None:
    receivers = Receivers()
    labels = {"alertname": "HostDown", "instance": "10.99.0.7:80"}
    alert = {**ALERT, "labels": labels, "annotations": {}}
    receivers.take("steady", json.dumps({"alerts": [alert]}).encode())
    assert seen(receivers) == [("steady", "", True)]


def test_failing_receiver_accepts_nothing() -> None:
    with receiving("127.0.0.1") as receivers:
        receivers.set_mood("moody", "failing")
        url = f"http://127.0.0.1:{receivers.port}/moody"
        with pytest.raises(OSError, match="500"):
            fetch(url, BODY)
        receivers.set_mood("moody", "well")
        fetch(url, BODY)
    assert seen(receivers) == [("moody", "4", False), ("moody", "4", True)]


def test_hanging_receiver_refuses_what_it_held() -> None:
    receivers = Receivers()
    receivers.set_mood("moody", "hanging")
    statuses: list[int] = []
    held = threading.Thread(target=lambda: statuses.append(receivers.take("moody", BODY)))
    held.start()
    receivers.set_mood("moody", "well")
    held.join(timeout=60)
    assert statuses in ([500], [200])  # it may have come after the receiver worked again
    assert seen(receivers) == [("moody", "4", statuses == [200])]
