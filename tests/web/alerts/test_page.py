"""The alerts page."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from pytest_aiohttp import AiohttpClient

from alerting.errors import DeliveryError
from alerting.evaluation.health import RuleHealth
from alerting.receivers.webhook_body import NotificationStatus, webhook_body
from alerting.views import GroupView, RuleKind, RuleView
from model.labels import Labels
from storage.api.accounts import Role
from tests.web.alerting_double import an_alert
from tests.web.service_doubles import NOW_MS
from tests.web.world import World, world_at


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        yield world


async def test_open_alert_is_acknowledged_on_its_page(world: World) -> None:
    stored = await world.alerting.put(an_alert(summary="No answer for 2 min"))
    text = await world.page("/alerts")
    assert "No answer for 2 min" in text
    assert f'action="/alerts/{stored.id}/acknowledge"' in text
    answer = await world.client.post(
        f"/alerts/{stored.id}/acknowledge",
        data={"next": "//evil.example"},
        headers=await world.cookie(Role.EDITOR),
        allow_redirects=False,
    )
    assert answer.headers["Location"] == "/"
    assert "the-editor" in await world.page("/alerts")
    assert "<b>Acknowledged</b> by <bdi>the-editor</bdi>" in await world.page(
        f"/alerts/{stored.id}"
    )


async def test_page_of_an_open_alert_has_the_newest_value_with_the_unit_of_its_check(
    world: World,
) -> None:
    stored = await world.alerting.put(an_alert(value=91.25))
    assert "<dd>91.25 %</dd>" in await world.page(f"/alerts/{stored.id}")
    world.alerting.measure(stored.id, 93.5, "CPU at 93.5 %")
    text = await world.page(f"/alerts/{stored.id}")
    assert "<dd>93.5 %</dd>" in text
    assert '<p class="lead"><bdi>CPU at 93.5 %</bdi></p>' in text


async def test_alert_of_a_rule_has_a_value_without_a_unit(world: World) -> None:
    stored = await world.alerting.put(replace(an_alert(value=91.25), rule="mine/HighLoad"))
    assert "<dd>91.25</dd>" in await world.page(f"/alerts/{stored.id}")


async def test_alert_that_is_held_back_says_why(world: World) -> None:
    stored = await world.alerting.put(an_alert())
    world.alerting.held[stored.id] = "the host is not up"
    assert "Held back: the host is not up" in await world.page("/alerts")


async def test_receiver_is_tested_on_the_notifications_page(world: World) -> None:
    assert "Send a test" in await world.page("/alerts?view=notifications")
    headers = await world.cookie(Role.EDITOR)
    path = "/alerts/receivers/phone/test?view=notifications"
    assert "Accepted." in await (await world.client.post(path, headers=headers)).text()
    assert world.alerting.tested == ["phone"]
    world.alerting.failure = DeliveryError("answered 500")
    assert "answered 500" in await (await world.client.post(path, headers=headers)).text()


async def test_result_of_a_test_stays_on_the_page(world: World) -> None:
    path = "/alerts/receivers/phone/test"
    headers = await world.cookie(Role.EDITOR)
    answer = await world.client.post(path, headers=headers, allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/alerts?view=notifications")
    for _ in range(2):
        text = await world.page("/alerts?view=notifications")
        assert "Accepted." in text
        assert "the-editor" in text
    assert world.alerting.tested == ["phone"]


async def test_failing_rule_is_shown_with_its_error(world: World) -> None:
    health = RuleHealth("many-to-many matching not allowed", NOW_MS, 3)
    rule = RuleView(RuleKind.ALERTING, "BadRule", "a / b", health, {})
    fine = RuleView(RuleKind.ALERTING, "FineRule", "a", RuleHealth("", NOW_MS, 3), {})
    world.alerting.groups = (GroupView("g", "x.yml", 1, 0, (rule, fine), NOW_MS, 3, 0),)
    text = await world.page("/alerts")
    assert "1 rule cannot be evaluated" in text
    assert "many-to-many matching not allowed" in text
    assert "BadRule" in text
    assert "FineRule" not in text


async def test_notification_log_shows_status_and_severity(world: World) -> None:
    alert = an_alert(severity="critical")
    body = webhook_body(alert, NotificationStatus.RESOLVED, "phone", "", "").to_json()
    await world.alerting.put(alert, body=body)
    text = await world.page("/alerts?view=notifications")
    assert "Resolved <small>critical</small>" in text
    assert "Critical" in await world.page("/alerts?view=history")


@pytest.mark.parametrize(
    ("url", "linked"), [("https://runbooks.example/x", True), ("javascript:alert(1)", False)]
)
async def test_runbook_of_an_alert_is_linked(world: World, url: str, linked: bool) -> None:
    alert = replace(an_alert(), annotations=Labels.of(runbook_url=url))
    stored = await world.alerting.put(alert)
    assert (f'href="{url}"' in await world.page(f"/alerts/{stored.id}")) is linked


async def test_quiet_alerts_page_says_that_nothing_is_wrong(world: World) -> None:
    assert "Nothing is wrong" in await world.page("/alerts")
