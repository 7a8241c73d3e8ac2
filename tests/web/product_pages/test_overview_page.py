"""The overview of a project."""

import json
import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from pytest_aiohttp import AiohttpClient
from yarl import URL

from storage.api.projects import ProjectRole
from tests.web.live.client import received
from tests.web.projects.tenants import Tenant, add_member, add_tenant, send
from tests.web.service_doubles import NOW_MS
from tests.web.world import World, world_at
from web.http.rendering import Resources
from web.projects.figures import Figure
from web.settings import WebSettings

DAY_MS = 86_400_000


async def shown(world: World, tenant: Tenant, path: str = "", status: int = 200) -> str:
    answer = await world.client.get(tenant.pages + path, headers=tenant.session)
    assert answer.status == status
    return await answer.text()


def chart(text: str) -> Any:
    found = re.search(r'id="overview-chart">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    return json.loads(found.group(1))


def figures(text: str) -> dict[str, str]:
    return dict(re.findall(r"<dt>([\w ]+)</dt><dd>(?:<a [^>]*>)?([\d,]+)", text))


async def test_numbers_are_those_of_the_api(world: World) -> None:
    ann = await add_tenant(world, "ann")
    await send(
        world,
        ann,
        *(
            {"eventName": name, "anonymousId": person, "timestamp": NOW_MS - days * DAY_MS}
            for name, person, days in (
                ("open", "a", 0),
                ("open", "b", 1),
                ("buy", "b", 6),
                ("open", "a", 7),
                ("open", "c", 13),
                ("open", "d", 14),
            )
        ),
    )
    text = await shown(world, ann, "?days=7")
    assert figures(text) == {"Events": "3", "Persons": "2", "Kinds of events": "2"}
    data = chart(text)
    assert len(data["labels"]) == 7
    assert [line["values"] for line in data["lines"]] == [[1, 0, 0, 0, 0, 1, 1]] * 2
    assert data["complete"] == [True] * 6 + [False]
    days = {"from": data["labels"][0] + "T00:00:00Z"}
    query = {"projectKey": ann.project.key, **days}
    answer = await world.client.get("/v1/reports/overview", params=query, headers=ann.token)
    assert (await answer.json())["totalEvents"] == 3
    # The seven days before have the other two events of this fortnight.
    assert "from 2<" in unescape(text)


async def test_requests_show_their_error_rate_with_its_interval(world: World) -> None:
    ann = await add_tenant(world, "ann")
    served = {"method": "GET", "path": "/a", "response_time_ms": 5, "timestamp": NOW_MS - 1000}
    items = [{**served, "status_code": status} for status in (200, 200, 200, 500)]
    parsed = world.services.analytics.parser.batch(items, NOW_MS)
    await world.services.analytics.requests.append_requests(ann.project.id, parsed.requests)
    text = unescape(await shown(world, ann))
    assert '<span title="95 % interval: 4.6 to 69.9 %">25.0 % errors</span>' in text
    # A condition on events says nothing about requests.
    assert "25.0 % errors" not in await shown(world, ann, "?where=plan&op=is_set")


async def test_conditions_and_a_segment_restrict_every_part(world: World) -> None:
    ann = await add_tenant(world, "ann")
    await send(
        world,
        ann,
        *(
            {
                "eventName": name,
                "anonymousId": person,
                "timestamp": NOW_MS - days * DAY_MS,
                "properties": {"plan": plan},
            }
            for name, person, days, plan in (
                ("open", "a", 0, "pro"),
                ("buy", "a", 1, "pro"),
                ("open", "b", 1, "free"),
                ("open", "c", 2, "team"),
                ("open", "a", 8, "pro"),
                ("open", "b", 9, "free"),
            )
        ),
    )
    condition = "where=plan&op=equals&value=pro"
    text = await shown(world, ann, f"?days=7&{condition}")
    assert figures(text) == {"Events": "2", "Persons": "1", "Kinds of events": "2"}
    assert [line["values"][-3:] for line in chart(text)["lines"]] == [[0, 1, 1]] * 2
    assert "from 1<" in unescape(text)
    assert 'class="panel ask ask-more" open' in text
    # The other ranges and the other reports keep the condition.
    links = [unescape(each) for each in re.findall(r'href="([^"]+)"', text)]
    assert f"{ann.pages}?{condition}&days=30" in [
        each.replace("&within=&in=1", "") for each in links
    ]
    assert f"{ann.pages}/trends?event=open&days=7&{condition}&within=&in=1" in links
    dates = text.split('class="range-dates"')[1].split("</form>")[0]
    assert re.findall(r'type="hidden" name="(\w+)" value="(\w*)"', dates)[:3] == [
        ("where", "plan"),
        ("op", "equals"),
        ("value", "pro"),
    ]
    either = "&".join(f"where=plan&op=equals&value={each}" for each in ("pro", "free"))
    assert figures(await shown(world, ann, f"?days=7&{either}&match=1.any"))["Events"] == "3"
    assert figures(await shown(world, ann, f"?days=7&{either}"))["Events"] == "0"
    paid = {"property": "plan", "operator": "equals", "value": "pro"}
    await world.services.analytics.segments.create(ann.project, "Paying", paid)
    text = await shown(world, ann, "?days=7&segment=Paying")
    assert figures(text)["Events"] == "2"
    assert '<option translate="no" value="Paying" selected>' in text
    query = {"projectKey": ann.project.key, "days": "7", "filters": '{"segment":"Paying"}'}
    answer = await world.client.get("/v1/reports/overview", params=query, headers=ann.token)
    assert (await answer.json())["totalEvents"] == 2


async def test_a_saved_overview_keeps_its_range_and_conditions(world: World) -> None:
    ann = await add_tenant(world, "ann")
    events = (("open", 0, "pro"), ("buy", 1, "free"), ("open", 5, "pro"), ("open", 9, "pro"))
    await send(
        world,
        ann,
        *(
            {
                "eventName": name,
                "anonymousId": "a",
                "timestamp": NOW_MS - days * DAY_MS,
                "properties": {"plan": plan},
            }
            for name, days, plan in events
        ),
    )
    await world.services.analytics.segments.create(
        ann.project, "Openers", [{"event": "open", "atLeast": 1}]
    )
    path = "?days=7&where=plan&op=equals&value=pro&segment=Openers"
    text = await shown(world, ann, path)
    fields = dict(re.findall(r'name="(kind|definition)" value="([^"]*)"', text))
    fields = {name: unescape(value) for name, value in fields.items()}
    asked = json.loads(fields["definition"])
    assert asked == {
        "days": 7,
        "filters": [
            {"property": "plan", "operator": "equals", "value": "pro"},
            {"segment": "Openers"},
        ],
    }
    answer = await world.client.post(
        f"{ann.pages}/reports",
        data={**fields, "name": "Pro"},
        headers=ann.session,
        allow_redirects=False,
    )
    where = answer.headers["Location"]
    assert where.startswith(f"{ann.pages}?saved=")
    again = unescape(await shown(world, ann, where.removeprefix(ann.pages)))
    assert (
        figures(again) == figures(text) == {"Events": "2", "Persons": "1", "Kinds of events": "1"}
    )
    assert "saved by" in again
    assert '<option translate="no" value="Openers" selected>' in again
    assert 'name="where" value="plan"' in again
    # Another range asks anew, with the same conditions.
    links = re.findall(r'href="([^"]+days=30)"', again)
    assert any("where=plan" in each and "segment=Openers" in each for each in links)
    assert not any("saved=" in each for each in links)
    settings = await shown(world, ann, "/settings")
    assert f'href="{where}"' in settings


async def test_a_shared_overview_shows_neither_requests_nor_links_into_the_project(
    world: World,
) -> None:
    ann = await add_tenant(world, "ann")
    await send(world, ann, {"eventName": "open", "anonymousId": "a", "timestamp": NOW_MS - 1000})
    served = {"method": "GET", "path": "/a", "response_time_ms": 5, "timestamp": NOW_MS - 1000}
    parsed = world.services.analytics.parser.batch([{**served, "status_code": 200}], NOW_MS)
    await world.services.analytics.requests.append_requests(ann.project.id, parsed.requests)
    assert "API requests" in await shown(world, ann)
    body = {"kind": "overview", "definition": {"days": 7}, "title": "Week"}
    made = await world.client.post(f"{ann.api}/shares", json=body, headers=ann.token)
    assert made.status == 201
    address = URL((await made.json())["url"]).path
    text = await (await world.client.get(address)).text()
    assert figures(text) == {"Events": "1", "Persons": "1", "Kinds of events": "1"}
    assert sum(chart(text)["lines"][0]["values"]) == 1
    assert "API requests" not in text
    assert "Newest event" not in text
    assert "/projects/" not in re.sub(r"/static/\S+", "", text)


@pytest.mark.parametrize(
    ("definition", "note"),
    [
        ({"days": 7}, "against the 7 days before, up to the same time of day"),
        ({"days": 1}, "against the day before, up to the same time of day"),
        (
            {"from": "2025-11-01T00:00:00Z", "to": "2025-11-04T00:00:00Z"},
            "against the 3 days before.",
        ),
        (
            {"from": "2025-11-01T06:00:00Z", "to": "2025-11-01T09:00:00Z"},
            "against the day before, up to the same time of day",
        ),
    ],
)
async def test_the_note_says_what_an_overview_is_compared_with(
    world: World, definition: dict[str, Any], note: str
) -> None:
    ann = await add_tenant(world, "ann")
    await send(world, ann, {"eventName": "open", "anonymousId": "a"})
    body = {"kind": "overview", "definition": definition, "title": "x"}
    made = await world.client.post(f"{ann.api}/shares", json=body, headers=ann.token)
    text = await (await world.client.get(URL((await made.json())["url"]).path)).text()
    assert note in text


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("segment=nobody", "filters[0].segment: the project has no segment"),
        ("where=a&op=like&value=b", "filters[0].operator: must be one of"),
        ("where=a&op=matches&value=(", "property 'a': bad expression"),
    ],
)
async def test_an_invalid_condition_is_named_beside_its_form(
    world: World, query: str, problem: str
) -> None:
    ann = await add_tenant(world, "ann")
    await send(world, ann, {"eventName": "open", "anonymousId": "a"})
    text = unescape(await shown(world, ann, f"?{query}", 400))
    banner = text.split('data-level="critical" role="alert">')[1].split("</p>")[0]
    assert banner.lower().startswith(problem)
    assert "data-ask" in text
    assert figures(text) == {}


@pytest.mark.parametrize(
    ("now", "before", "words"),
    [
        (3, 2, "▲ 50 % from 2"),
        (1, 2, "▼ 50 % from 2"),
        (2, 2, "= 0 % from 2"),
        (19, 2, "▲ 850 % from 2"),
        (20, 2, "▲ \u00d710 from 2"),
        (1_115_680, 1_000, "▲ \u00d71,116 from 1,000"),
        (3, 0, "new"),
        (0, 0, "none before"),
    ],
)
def test_change_is_a_percentage_or_a_factor_that_can_be_read(
    now: int, before: int, words: str
) -> None:
    parts = Resources().templates.get_template("projects/figures.html").module
    text = str(parts.change(Figure("Events", now, before)))  # type: ignore[attr-defined]
    assert " ".join(re.sub(r"<[^>]*>", "", text).split()) == words


async def test_a_project_without_events_shows_how_to_send_the_first(world: World) -> None:
    ann = await add_tenant(world, "ann")
    text = unescape(await shown(world, ann))
    assert "Waiting for the first event" in text
    assert f'data-project="{ann.project.key}"' in text
    assert f'data-live="/live/project/{ann.project.key}"' in text


async def test_an_invalid_range_is_named_and_replaced(world: World) -> None:
    ann = await add_tenant(world, "ann")
    await send(world, ann, {"eventName": "open", "anonymousId": "a"})
    for query, problem in (
        ("days=0", "days: "),
        ("days=x", "days: must be a whole number"),
        ("from=2025-11-01", "to: is missing"),
        ("from=2025-11-09&to=2025-11-01", "to: must not be before from"),
        ("from=1999-01-01&to=2025-11-01", "to: the range has more than 3660 days"),
        ("from=2090-12-30&to=2090-12-31", "from: must not be in the future"),
        ("from=9999-12-30&to=9999-12-31", "to: must not be after 2099"),
        ("from=0001-01-01&to=0001-01-02", "from: "),
    ):
        text = unescape(await shown(world, ann, f"?{query}"))
        assert problem in text, query
        assert len(chart(text)["labels"]) == 30


@pytest.mark.parametrize("days", ["1", "365", "3660"])
async def test_every_length_has_a_readable_number_of_buckets(world: World, days: str) -> None:
    ann = await add_tenant(world, "ann")
    await send(world, ann, {"eventName": "open", "anonymousId": "a"})
    data = chart(await shown(world, ann, f"?days={days}"))
    assert 1 <= len(data["labels"]) <= 130
    assert sum(data["lines"][0]["values"]) == 1


async def test_the_arrival_is_live_for_members_only(world: World) -> None:
    ann, eve = await add_tenant(world, "ann"), await add_tenant(world, "eve")
    bob = await add_member(world, ann, "bob", ProjectRole.VIEWER)

    async def region(tenant: Tenant) -> dict[str, Any]:
        async with world.client.ws_connect("/ws/metrics", headers=tenant.session) as socket:
            page = f"/live/project/{ann.project.key}"
            await socket.send_json({"type": "subscribe", "id": "page", "page": page})
            while (message := await socket.receive_json()).get("id") != "page":
                pass
            return dict(message)

    assert "Waiting for the first event" in (await region(bob))["html"]
    assert (await region(eve))["type"] == "error"
    await send(world, ann, {"eventName": "open", "anonymousId": "a"})
    assert "The first event has arrived" in (await region(bob))["html"]


async def test_other_projects_are_one_step_away(world: World) -> None:
    ann = await add_tenant(world, "ann")
    bob = await add_member(world, ann, "bob", ProjectRole.VIEWER)
    text = await shown(world, bob)
    assert f'href="{ann.pages}" aria-current="true"' not in text.split("switcher")[1]
    answer = await world.client.get(ann.pages, headers=bob.session)
    switcher = (await answer.text()).split('class="switcher"')[1].split("</details>")[0]
    assert re.findall(r'href="([^"]+)"', switcher) == [bob.pages, ann.pages]
    text = await shown(world, ann)
    assert "switcher" not in text


async def test_new_events_are_pushed_to_members_of_their_project_only(
    tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    # Nothing is read again within an hour: what arrives was announced.
    settings = WebSettings(live_interval_s=3600)
    async with world_at(tmp_path, aiohttp_client, settings) as world:
        ann, eve = await add_tenant(world, "ann"), await add_tenant(world, "eve")
        async with (
            world.client.ws_connect("/ws/metrics", headers=ann.session) as own,
            world.client.ws_connect("/ws/metrics", headers=eve.session) as foreign,
        ):
            page = f"/live/project-events/{ann.project.key}"
            for socket in (own, foreign):
                await socket.send_json({"type": "subscribe", "id": "page", "page": page})
            assert "No events yet" in (await received(own, "region"))["html"]
            assert "html" not in await received(foreign, "error")
            await send(world, ann, {"eventName": "open", "anonymousId": "a"})
            assert "open" in (await received(own, "region"))["html"]
            await send(world, ann, {"eventName": "bought", "anonymousId": "a"})
            assert "bought" in (await received(own, "region"))["html"]
            # The next message of the other connection answers its ping: nothing came before.
            await foreign.send_json({"type": "ping"})
            assert (await received(foreign, ""))["type"] == "pong"
