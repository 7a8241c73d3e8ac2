"""The fleet's model: looking hosts up, counting alerts, the window of rates."""

from dataclasses import replace

import pytest

from model.labels import Labels
from storage.api.alerts import AlertState
from tests.web.alerting_double import an_alert
from web.fleet.figures import rate_window
from web.fleet.fleet import count_alerts
from web.fleet.hosts import AlertCount, FleetHost, FleetView, HostState

HOST = FleetHost(
    name="web-1",
    instance="a:9100",
    id=7,
    url="http://a:9100/metrics",
    labels=Labels(),
    state=HostState.UP,
    reason="",
    last_seen_ms=None,
    interval_s=15.0,
    timeout_s=10.0,
    created_ms=None,
)


def test_host_is_found_by_record_id_before_instance() -> None:
    named_like_an_id = replace(HOST, id=None, instance="7")
    view = FleetView(0, (named_like_an_id, HOST))
    assert view.find("7") is HOST
    assert view.find("a:9100") is HOST
    assert FleetView(0, (named_like_an_id,)).find("7") is named_like_an_id
    assert view.find("b:9100") is None


def test_alerts_are_counted_by_instance_and_severity() -> None:
    alerts = [
        an_alert(severity="critical"),
        an_alert(severity="warning"),
        an_alert(AlertState.PENDING, severity="critical"),
        an_alert(instance="b:9100", severity="info"),
    ]
    counts = count_alerts(alerts)
    assert counts == {"a:9100": AlertCount(1, 1, 1), "b:9100": AlertCount(0, 1, 0)}
    assert counts["a:9100"].total == 3


@pytest.mark.parametrize(
    ("intervals_s", "window"),
    [((), "1m"), ((5.0, 15.0), "1m"), ((15.0, 60.0), "4m"), ((600.0,), "10m")],
)
def test_window_has_four_scrapes_of_the_slowest_host(
    intervals_s: tuple[float, ...], window: str
) -> None:
    assert rate_window(intervals_s) == window
