from dataclasses import replace

import pytest

from alerting.notifications.notice import Notice, notice_of
from alerting.notifications.stages import RouteStage, configured_stages, deduplicate
from alerting.receivers.webhook_body import NotificationStatus
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


FIRING, RESOLVED = NotificationStatus


def settings(*receivers: dict[str, object], **more: object) -> AlertingSettings:
    complete = tuple({"type": "log"} | receiver for receiver in receivers)
    return AlertingSettings.model_validate({"receivers": complete, **more})


def receivers_of(
    configured: AlertingSettings, alert: Alert, status: NotificationStatus = FIRING
) -> list[str]:
    route = RouteStage(configured.routed)
    return [item.receiver for item in route([Notice(alert, status, is_known=False)])]


def test_route_addresses_a_notice_to_every_receiver() -> None:
    assert receivers_of(settings({"name": "a"}, {"name": "b"}), WARNING) == ["a", "b"]


def test_receiver_without_send_resolved_gets_no_recoveries() -> None:
    both = settings({"name": "a", "send_resolved": False}, {"name": "b"})
    assert receivers_of(both, WARNING) == ["a", "b"]
    assert receivers_of(both, WARNING, RESOLVED) == ["b"]


def test_receiver_of_critical_alerts_gets_unknown_severities_too() -> None:
    pager = settings({"name": "pager", "severities": ["critical"]})
    assert receivers_of(pager, WARNING) == []
    assert receivers_of(pager, CRITICAL) == ["pager"]
    assert receivers_of(pager, PAGE) == ["pager"]


def test_receivers_outside_the_configured_route_get_nothing() -> None:
    assert receivers_of(settings({"name": "a"}, {"name": "b"}, route=["b"]), WARNING) == ["b"]


@pytest.mark.parametrize(
    ("status", "is_known", "passes"),
    [
        (FIRING, False, True),
        (FIRING, True, False),
        (RESOLVED, True, True),
        (RESOLVED, False, False),
    ],
)
def test_deduplication_passes_only_news(
    status: NotificationStatus, is_known: bool, passes: bool
) -> None:
    notice = Notice(WARNING, status, is_known)
    assert list(deduplicate([notice])) == ([notice] if passes else [])


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (AlertState.FIRING, FIRING),
        (AlertState.RESOLVED, RESOLVED),
        (AlertState.PENDING, None),
        (AlertState.NO_DATA, None),
        (AlertState.INACTIVE, None),
    ],
)
def test_only_firing_and_resolved_alerts_make_notices(
    state: AlertState, status: NotificationStatus | None
) -> None:
    notice = notice_of(replace(WARNING, state=state), "", is_known=False)
    assert (notice and notice.status) == status


def test_configured_stages_route_first_and_deduplicate_last() -> None:
    first, *_, last = configured_stages(settings({"name": "a"}))
    assert isinstance(first, RouteStage)
    assert last is deduplicate
