"""`/api/v1/rules` and `/alerts`."""

from dataclasses import replace

from alerting.prometheus_json import rules_data
from storage.api.alerts import AlertState
from tests.web.alerting_double import an_alert
from tests.web.prometheus.requests import ask
from tests.web.world import World


async def test_alerts_are_pending_or_firing(world: World) -> None:
    for state in (AlertState.PENDING, AlertState.NO_DATA, AlertState.RESOLVED):
        await world.alerting.put(an_alert(state, value=0.5, now_ms=1_000))
    answer = await ask(world, "alerts")
    assert [alert["state"] for alert in answer["data"]["alerts"]] == ["pending", "firing"]
    assert answer["data"]["alerts"][0] == {
        "labels": {
            "alertname": "HighCpu",
            "instance": "a:9100",
            "job": "node",
            "severity": "critical",
        },
        "annotations": {"summary": "CPU at 97.5 %"},
        "state": "pending",
        "activeAt": "1970-01-01T00:00:01Z",
        "value": "5e-01",
    }


async def test_rules_can_be_filtered_by_type(world: World) -> None:
    group, _ = (await ask(world, "rules"))["data"]["groups"]
    assert {rule["type"] for rule in group["rules"]} == {"alerting"}
    assert {rule["name"] for rule in group["rules"]} >= {"HostDown"}
    assert (await ask(world, "rules", type="record"))["data"] == {"groups": []}


async def test_queries_are_listed_in_prometheus_layout(world: World) -> None:
    group, _ = world.alerting.rules()
    rule = replace(group.rules[0], query="sum(rate(x[5m]))by(a)>1")
    assert rules_data([replace(group, rules=(rule,))])["groups"][0]["rules"][0]["query"] == (
        "sum by (a) (rate(x[5m])) > 1"
    )


async def test_no_alertmanager_is_listed(world: World) -> None:
    assert (await ask(world, "alertmanagers"))["data"] == {
        "activeAlertmanagers": [],
        "droppedAlertmanagers": [],
    }
