"""Who may send events, and which of them count."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pytest_aiohttp import AiohttpClient

from storage.api.events import EventSelection
from storage.api.projects import CollectionSettings, Project, ProjectSettings
from storage.api.visits.exclusions import ExclusionReason
from tests.web.world import World, world_at
from web.settings import QuotaSettings, RateLimitSettings, WebSettings

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/126.0.0.0 Safari/537.36"
)
SHOP = "https://shop.example"
PAGE = {"Origin": SHOP, "User-Agent": CHROME, "Content-Type": "text/plain"}
GOOGLE = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        yield world


async def new_project(world: World, **collection: tuple[str, ...]) -> Project:
    settings = ProjectSettings("Shop", collection=CollectionSettings(**collection))
    return await world.services.analytics.projects.create(settings, None)


async def send(
    world: World, project: Project, headers: dict[str, str], **fields: Any
) -> tuple[int, Any]:
    body = {"projectKey": project.key, "events": [{"eventName": "open"}]} | fields
    answer = await world.client.post("/v1/events/batch", json=body, headers=headers)
    return answer.status, await answer.json()


async def stored(world: World, project: Project) -> list[Any]:
    analytics = world.services.analytics
    selection = EventSelection(project.id, 0, world.clock() + 1)
    return list(await analytics.events.latest(selection, 100))


async def test_a_visitor_without_a_cookie_is_one_person_for_the_day(world: World) -> None:
    project = await new_project(world)
    for agent in (CHROME, CHROME, CHROME + " Edg/126.0"):
        sent = await send(world, project, PAGE | {"User-Agent": agent}, cookieless=True)
        assert (sent[0], sent[1]["inserted"]) == (200, 1)
    events = await stored(world, project)
    assert len({event.distinct_id for event in events}) == 2
    assert not any("127.0.0.1" in str(event) or "Mozilla" in str(event) for event in events)


async def test_an_event_without_an_id_is_refused_unless_the_sender_asks_for_one(
    world: World,
) -> None:
    status, answer = await send(world, await new_project(world), PAGE)
    assert (status, answer["errors"][0]["field"]) == (400, "anonymousId")


async def test_bots_get_the_answer_of_people_and_are_counted(world: World) -> None:
    project = await new_project(world)
    status, answer = await send(world, project, PAGE | {"User-Agent": GOOGLE}, cookieless=True)
    assert (status, answer["inserted"], answer["excluded"]) == (200, 0, 1)
    assert await stored(world, project) == []
    counts = await world.services.analytics.events.excluded(project.id, 0, world.clock() + 1)
    assert counts == {ExclusionReason.BOT: 1}


async def test_own_visits_are_excluded_by_the_address_of_the_connection(world: World) -> None:
    project = await new_project(world, excluded_addresses=("127.0.0.0/8", "::1/128"))
    forged = PAGE | {"X-Forwarded-For": "192.0.2.1"}
    assert (await send(world, project, forged, cookieless=True))[1]["excluded"] == 1
    # A program sends the events of others.
    program = {"User-Agent": "shop/1.0"}
    assert (await send(world, project, program, cookieless=True))[1]["inserted"] == 1


async def test_pages_of_all_origins_may_send_unless_the_project_lists_its_own(
    world: World,
) -> None:
    open_to_all, listed = await new_project(world), await new_project(world, origins=(SHOP,))
    for origin, expected in ((SHOP, 200), ("HTTPS://Shop.example", 200), ("null", 403)):
        headers = PAGE | {"Origin": origin}
        assert (await send(world, listed, headers, cookieless=True))[0] == expected
        assert (await send(world, open_to_all, headers, cookieless=True))[0] == 200


async def test_a_session_that_arrives_with_an_event_does_not_matter(world: World) -> None:
    project = await new_project(world)
    headers = PAGE | {"Sec-Fetch-Site": "cross-site"} | await world.cookie()
    assert (await send(world, project, headers, cookieless=True))[0] == 200
    for credential in ("Bearer unknown", "Basic eDp5", "nonsense"):
        headers = PAGE | {"Authorization": credential}
        assert (await send(world, project, headers, cookieless=True))[0] == 200


async def test_a_page_may_read_the_answer(world: World) -> None:
    asked = {"Origin": SHOP, "Access-Control-Request-Method": "POST"}
    preflight = await world.client.options(
        "/v1/events/batch", headers=asked | {"Access-Control-Request-Headers": "content-type"}
    )
    assert preflight.status == 204
    assert preflight.headers["Access-Control-Allow-Origin"] == "*"
    assert "Content-Type" in preflight.headers["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Credentials" not in preflight.headers
    answer = await world.client.post("/v1/events/batch", data=b"{", headers=PAGE)
    assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (400, "*")


async def test_other_routes_stay_closed_to_other_origins(world: World) -> None:
    asked = {"Origin": SHOP, "Access-Control-Request-Method": "GET"}
    for path in ("/v1/reports/overview", "/v1/projects", "/api/hosts"):
        answer = await world.client.options(path, headers=asked)
        assert "Access-Control-Allow-Origin" not in answer.headers, path


async def test_a_project_key_has_a_quota(tmp_path: Path, aiohttp_client: AiohttpClient) -> None:
    limits = RateLimitSettings(push=QuotaSettings(key_per_minute=2, address_per_minute=0))
    settings = WebSettings(rate_limits=limits)
    async with world_at(tmp_path, aiohttp_client, settings) as world:
        project, other = await new_project(world), await new_project(world)
        statuses = [(await send(world, project, PAGE, cookieless=True))[0] for _ in range(3)]
        assert statuses == [200, 200, 429]
        assert (await send(world, other, PAGE, cookieless=True))[0] == 200
        assert world.services.refusals.totals()["key_quota"] == 1  # type: ignore[index]


async def test_inactive_and_unknown_projects_take_nothing(world: World) -> None:
    project = await new_project(world)
    unknown = replace(project, key="unknown")
    assert (await send(world, unknown, PAGE, cookieless=True))[0] == 403
    settings = replace(project.settings, is_active=False)
    await world.services.analytics.projects.change(project, settings)
    assert (await send(world, project, PAGE, cookieless=True))[0] == 403


async def test_events_of_programs_are_stored_as_they_are(world: World) -> None:
    project = await new_project(world)
    properties = {"$current_url": "https://shop.example/a", "plan": "pro"}
    sent = [{"eventName": "open", "anonymousId": "a", "properties": properties}]
    program = {"User-Agent": "shop/1.0"}
    assert (await send(world, project, program, events=sent))[1]["inserted"] == 1
    (event,) = await stored(world, project)
    assert event.properties == '{"$current_url":"https://shop.example/a","plan":"pro"}'
