"""The page behind a link of a notification."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pytest_aiohttp import AiohttpClient

from alerting.notifications.acknowledge_links import AcknowledgeLink, AcknowledgeLinks
from alerting.settings import AlertingSettings
from storage.api.accounts import Role
from storage.api.alerts import Alert, AlertState
from tests.web.alerting_double import an_alert
from tests.web.service_doubles import NOW_MS
from tests.web.world import World, world_at


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        document = {"acknowledge_links": "1h", "external_url": "http://redshank.test"}
        settings = AlertingSettings.model_validate(document)
        world.alerting.router.links = AcknowledgeLinks(
            settings, world.services.alerts, lambda text: text.encode().hex(), lambda: world.now[0]
        )
        yield world


def path_of(world: World, alert: Alert, link_id: str = "one") -> str:
    """Return the path of a link that counts for an hour."""
    link = AcknowledgeLink(link_id, alert.id, "ops", NOW_MS + 3_600_000)
    return f"/acknowledge/{world.alerting.router.links.token(link)}"


async def call(world: World, method: str, path: str, status: int = 200) -> str:
    """Send a request without a login and return the page."""
    data = {"comment": "on it"} if method == "POST" else None
    answer = await world.client.request(method, path, data=data, allow_redirects=False)
    assert answer.status == status
    return await answer.text()


def acknowledged_by(world: World) -> str | None:
    [alert] = (item.alert for item in world.alerting.open_alerts())
    return alert.acknowledged_by


async def test_link_acknowledges_once_without_a_login(world: World) -> None:
    stored = await world.alerting.put(an_alert())
    path = path_of(world, stored)
    # Looking changes nothing: mail gateways look too.
    assert "Acknowledge</button>" in await call(world, "GET", path)
    assert acknowledged_by(world) is None
    page = await call(world, "POST", path)
    assert "<bdi>ops (link)</bdi> acknowledged this alert" in page
    assert acknowledged_by(world) == "ops (link)"
    [item] = world.alerting.open_alerts()
    assert item.alert.acknowledged_comment == "on it"
    await world.alerting.unacknowledge(stored.id)
    assert "used already" in await call(world, "POST", path, 403)
    assert acknowledged_by(world) is None
    assert "acknowledged" in await call(world, "POST", path_of(world, stored, "two"))


async def test_user_who_is_logged_in_is_named(world: World) -> None:
    stored = await world.alerting.put(an_alert())
    headers = await world.cookie(Role.VIEWER)
    await world.client.post(path_of(world, stored), data={}, headers=headers)
    assert acknowledged_by(world) == "the-viewer"


async def test_forged_or_expired_link_shows_and_changes_nothing(world: World) -> None:
    stored = await world.alerting.put(an_alert())
    path = path_of(world, stored)
    for method in ("GET", "POST"):
        page = await call(world, method, f"{path}0", 403)
        assert "not valid" in page
        assert stored.labels.get("alertname") not in page
    world.now[0] += 3_600_000
    for method in ("GET", "POST"):
        assert "has expired" in await call(world, method, path, 403)
    assert acknowledged_by(world) is None


async def test_link_of_an_alert_that_has_ended_says_so(world: World) -> None:
    stored = await world.alerting.put(an_alert(state=AlertState.RESOLVED))
    for method in ("GET", "POST"):
        assert "has ended" in await call(world, method, path_of(world, stored))
