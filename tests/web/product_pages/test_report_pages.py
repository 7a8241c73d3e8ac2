"""Events, persons, retention and paths as pages; their numbers are those of the reports."""

import json
import re
from dataclasses import replace
from html import unescape
from urllib.parse import quote

import pytest

from storage.api.projects import ProjectRole
from tests.web.projects.tenants import Tenant, add_member, add_tenant, send
from tests.web.service_doubles import NOW_MS
from tests.web.world import World

DAY_MS = 86_400_000
HOSTILE = "\"><script>alert(1)</script><img src=x onerror='alert(2)'>\u202e{{7*7}}\U0001f98a"


async def shown(world: World, tenant: Tenant, path: str, status: int = 200) -> str:
    answer = await world.client.get(tenant.pages + path, headers=tenant.session)
    assert answer.status == status
    return await answer.text()


def texts(page: str, pattern: str) -> list[str]:
    return [unescape(found) for found in re.findall(pattern, page)]


def event(name: str, person: str, days: float = 0, **properties: object) -> dict[str, object]:
    time_ms = round(NOW_MS - days * DAY_MS)
    return {
        "eventName": name,
        "anonymousId": person,
        "timestamp": time_ms,
        "properties": properties,
    }


NAME = r'<th scope="row"><(?:span|a) class="name"[^>]*><bdi>([^<]*)<'


async def test_newest_arrivals_come_first_and_future_ones_are_counted(world: World) -> None:
    ann = await add_tenant(world, "ann")
    await send(world, ann, event("late", "a", 9), event("buy", "a", 1, plan="pro"))
    await send(world, ann, event("early", "b", -1), event("open", "b", 30))
    text = await shown(world, ann, "/events")
    assert texts(text, NAME)[0] == "open"
    assert set(texts(text, NAME)) >= {"late", "buy", "open"}
    assert "1 event with a time in the future is kept apart" in text
    text = await shown(world, ann, "/events?name=buy")
    assert texts(text, NAME) == ["buy"]
    assert "<b><bdi>plan</bdi></b> <bdi>pro</bdi>" in text


async def test_schema_lists_names_and_typed_properties(world: World) -> None:
    ann = await add_tenant(world, "ann")
    await send(world, ann, event("buy", "a", 1, amount=5), event("open", "a", 2, plan="pro"))
    await send(world, ann, event("buy", "a", 1, amount="5"))
    text = await shown(world, ann, "/events?view=schema")
    assert texts(text, NAME) == ["buy", "open", "amount", "plan"]
    assert "number, string" in text
    text = await shown(world, ann, "/events?view=schema&name=open")
    assert texts(text, NAME) == ["buy", "open", "plan"]


async def test_editors_describe_and_hide_names_on_the_schema_page(world: World) -> None:
    ann = await add_tenant(world, "ann")
    member = await add_member(world, ann, "bob", ProjectRole.VIEWER)
    bob = replace(member, project=ann.project)
    await send(world, ann, event("buy", "a", 1, plan="pro"), event("open", "a", 2))
    text = await shown(world, ann, f"/events?view=schema&describe=event&of={quote('open')}")
    assert 'id="description"' in text
    form = {"kind": "event", "name": "open", "description": HOSTILE, "only": "buy", "hidden": ""}
    for fields in (
        form | {"hidden": "false"},
        {"kind": "property", "name": "plan", "hidden": "true"},
    ):
        answer = await world.client.post(
            ann.pages + "/schema", data=fields, headers=ann.session, allow_redirects=False
        )
        assert answer.status == 303
    text = await shown(world, bob, "/events?view=schema")
    assert texts(text, NAME) == ["buy", "open"]
    assert texts(text, r'<p class="meaning"><bdi>([^<]*)</bdi></p>') == [HOSTILE]
    assert "1 name is hidden" in text
    # A viewer gets no form.
    assert "describe=" not in text
    assert 'id="description"' not in await shown(
        world, bob, "/events?view=schema&describe=event&of=open"
    )
    text = await shown(world, bob, "/events?view=schema&hidden=true")
    assert texts(text, NAME) == ["buy", "open", "plan"]


async def test_hidden_names_are_left_out_of_the_forms_of_reports(world: World) -> None:
    ann = await add_tenant(world, "ann")
    await send(world, ann, event("buy", "a", 1), event("open", "a", 2))
    fields = {"kind": "event", "name": "open", "hidden": "true"}
    await world.client.post(ann.pages + "/schema", data=fields, headers=ann.session)
    for path in ("/trends", "/funnel", "/retention", "/paths", "/events"):
        text = await shown(world, ann, path)
        offered = text.split('<datalist id="event-names">')[1].split("</datalist>")[0]
        assert texts(offered, r'value="([^"]*)"') == ["buy"], path


async def test_a_person_is_found_shown_and_erased_by_owners_only(world: World) -> None:
    ann = await add_tenant(world, "ann")
    bob = await add_member(world, ann, "bob", ProjectRole.EDITOR)
    await send(world, ann, event("open", "p/1 &", 1), event("open", "q", 2))
    await send(world, ann, {**event("buy", "p/1 &"), "userId": "u?1"})
    text = await shown(world, ann, "/persons?q=p/")
    (link,) = re.findall(r'href="(/projects/[^"]+/person\?id=[^"]+)"', text)
    path = unescape(link).removeprefix(ann.pages)
    text = await shown(world, ann, path)
    assert texts(text, NAME) == ["buy", "open"]
    assert "u?1" in text
    assert texts(await shown(world, ann, path + "&name=open"), NAME) == ["open"]
    await shown(world, ann, "/person?id=nobody", 404)
    await shown(world, ann, path + "&before=x", 400)

    async def erase(tenant: Tenant, **fields: str) -> int:
        url = f"{ann.pages}/person/erase"
        data = {"id": "p/1 &", **fields}
        sent = world.client.post(url, data=data, headers=tenant.session, allow_redirects=False)
        return (await sent).status

    assert await erase(bob, confirmed="yes") == 403
    assert await erase(ann) == 400
    assert await erase(ann, confirmed="yes") == 303
    await shown(world, ann, path, 404)
    entries = await world.services.audit.entries(1)
    assert (entries[0].action, dict(entries[0].details)) == ("person.erase", {"events": "2"})


async def test_a_retention_cell_lists_exactly_its_persons(world: World) -> None:
    ann = await add_tenant(world, "ann")
    await send(
        world,
        ann,
        *(event("open", person, 14) for person in "abcd"),
        *(event("open", person, 7) for person in "ab"),
        event("open", "a", 0),
    )
    text = await shown(world, ann, "/retention?start=open&back=open&cohort=week&days=30")
    first = text.split("<tbody>")[1].split("</tr>")[0]
    assert texts(first, r'title="(\d+ of \d+) persons')[1:] == ["2 of 4", "1 of 4"]
    assert "not over yet" in first
    links = texts(first, r'href="([^"]+)"')
    text = await shown(world, ann, links[1].removeprefix(ann.pages).split("#")[0])
    assert texts(text, r'class="name person"[^>]*><bdi>([^<]+)<') == ["a", "b"]
    assert "2 persons of week 1" in text


async def test_paths_are_columns_and_rows_of_the_same_numbers(world: World) -> None:
    ann = await add_tenant(world, "ann")
    hour = 1 / 24
    await send(
        world,
        ann,
        *(event("open", person, 1) for person in "abc"),
        *(event("view", person, 1 - hour / 10) for person in "ab"),
        event("buy", "a", 1 - hour / 5),
    )
    text = await shown(world, ann, "/paths")
    steps = r'title="([^"]+)"><bdi>[^<]*</bdi></span><span class="path-count">(\d+)'
    found = re.findall(steps, text)
    assert found == [("open", "3"), ("view", "2"), ("buy", "1")]
    rows = re.findall(r'class="path-row">(.*?)</th><td class="number">(\d+)', text)
    assert [(re.sub(r"<[^>]+>", "", row).split(), n) for row, n in rows] == [
        (["open", "→", "view"], "2"),
        (["open", "→", "view", "→", "buy"], "1"),
    ]
    text = await shown(world, ann, "/paths?event=buy&direction=before")
    rows = re.findall(r'class="path-row">(.*?)</th>', text)
    assert re.sub(r"<[^>]+>", "", rows[-1]).split() == ["view", "→", "buy"]


@pytest.mark.parametrize("path", ["/retention?start=open&", "/paths?unit=persons&"])
async def test_every_form_restricts_its_report_to_some_events(world: World, path: str) -> None:
    ann = await add_tenant(world, "ann")
    await send(
        world,
        ann,
        *(event("open", person, 1, plan="pro" if person == "a" else "free") for person in "abc"),
        *(event("buy", person, 0.9, plan="pro" if person == "a" else "free") for person in "abc"),
    )
    count = r"#persons\">(\d+)<" if "retention" in path else r'path-count">(\d+)'
    assert texts(await shown(world, ann, path), count)[0] == "3"
    text = await shown(world, ann, f"{path}where=plan&op=equals&value=pro")
    assert texts(text, count)[0] == "1"
    assert 'name="value" value="pro"' in text


async def test_visits_have_the_numbers_of_the_api_and_say_what_was_not_counted(
    world: World,
) -> None:
    ann = await add_tenant(world, "ann")
    await send(
        world,
        ann,
        event("$pageview", "a", 1, **{"$pathname": "/a", "$referring_domain": "search.example"}),
        event("$pageview", "a", 0.99, **{"$pathname": "/b"}),
        event("$pageview", "b", 1, **{"$pathname": "/a"}),
        event("$pageview", "c", 0.5, **{"$pathname": HOSTILE}),
    )
    assert "No event of a bot" in await shown(world, ann, "/sessions")
    bot = {"User-Agent": "Mozilla/5.0 (compatible; Googlebot/2.1)"}
    body = {"projectKey": ann.project.key, "events": [event("$pageview", "d")] * 3}
    await world.client.post("/v1/events/batch", json=body, headers=bot)
    text = await shown(world, ann, "/sessions")
    (visits,) = texts(text, r"<dt>Visits</dt><dd>(\d+)")
    (bounced,) = texts(text, r"<dt>Bounce rate</dt><dd><span[^>]*>([^<]+)<")
    assert (visits, bounced) == ("3", "66.7 %")
    row = (
        r'<tr><th scope="row"><span class="\w+">(?:<bdi>)?([^<]*)(?:</bdi>)?</span></th>(.*?)</tr>'
    )
    rows = re.findall(row, text)
    numbers = r'"number">(?:<span[^>]*>)?([^<]+)'
    found = [(unescape(name), *re.findall(numbers, cells)) for name, cells in rows]
    direct, referred = (
        ("none, or inside the site", "2", "100.0 %"),
        ("search.example", "1", "0.0 %"),
    )
    assert found[:2] == [direct, referred]
    assert ("/a", "2", "50.0 %") in found
    assert ("/b", "1", "0.0 %") in found
    assert (HOSTILE, "1", "100.0 %") in found
    assert "Not counted: 3 events of bots." in " ".join(re.sub(r"<[^>]+>", "", text).split())
    chosen = await shown(world, ann, "/sessions?where=%24pathname&op=equals&value=/b")
    assert texts(chosen, r"<dt>Visits</dt><dd>(\d+)") == ["1"]


async def test_visits_are_drawn_by_day_beside_the_period_before(world: World) -> None:
    ann = await add_tenant(world, "ann")
    await send(
        world,
        ann,
        event("$pageview", "a", 0.001),
        *(event("$pageview", person, 1) for person in "abc"),
        event("$pageview", "b", 0.99),
        *(event("$pageview", person, 8) for person in "ab"),
    )

    def chart(text: str) -> dict[str, object]:
        data = json.loads(text.split('id="visits-chart">')[1].split("</script>", maxsplit=1)[0])
        return {"complete": data["complete"]} | {
            line["name"]: line["values"] for line in data["lines"]
        }

    text = await shown(world, ann, "/sessions?days=7")
    drawn = chart(text)
    assert drawn == {
        "Visits": [0, 0, 0, 0, 0, 3, 1],
        "Persons": [0, 0, 0, 0, 0, 3, 1],
        "Visits, before": [0, 0, 0, 0, 0, 2, 0],
        "complete": [True] * 6 + [False],
    }
    plain = " ".join(re.sub(r"<[^>]+>", " ", unescape(text)).split())
    assert "Visits 4 some are in progress ▲ 100 % from 2" in plain
    assert "100.0 % before" in plain
    assert "A range that is not over is compared with an equal part." in plain
    rows = re.findall(r'<tr><th scope="row">2[^<]*(<span class="tag">not over</span>)?</th>', text)
    assert [bool(row) for row in rows] == [False] * 6 + [True]
    # Two of three bounced: the interval is there for a pointer.
    assert "95 % interval: 20.8 to 93.9 %" in text
    alone = await shown(world, ann, "/sessions?days=7&compare=false&interval=week")
    assert set(chart(alone)) == {"Visits", "Persons", "complete"}
    assert "before" not in re.sub(r"<form.*?</form>", "", alone, flags=re.DOTALL).lower()
    assert '<option value="false" selected>' in alone


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("/sessions?interval=year", "interval: "),
        ("/sessions?segment=nobody", "filters"),
        ("/retention?periods=99", "periods: "),
        ("/retention?cohort=minute", "cohort: "),
        ("/retention?start=open&row=900", "cohort: there are"),
        ("/trends?event=a&measure=sum&on=", "events[0].property: is missing"),
        ("/trends?interval=year", "interval: "),
        ("/trends?where=a&op=like&value=b", "filters"),
        ("/trends?segment=nobody", "filters"),
        ("/funnel?step=a&window=x", "windowseconds: "),
        ("/funnel?step=a&step=b&order=no", "order: "),
        ("/funnel?step=a&step=b&at=7", "step: must be from 1 to 2"),
        ("/funnel?step=a&step=b&at=x", "at: "),
        (f"/funnel?{'&step=a' * 21}", "steps: "),
        ("/retention?days=3660&cohort=day", "from: cohorts and periods span"),
        ("/paths?depth=99", "depth: "),
        ("/paths?direction=up", "direction: "),
        (f"/paths?event={'x' * 300}", "event: "),
    ],
)
async def test_a_wrong_question_is_named_in_its_page(world: World, path: str, problem: str) -> None:
    ann = await add_tenant(world, "ann")
    text = unescape(await shown(world, ann, path, 400))
    banner = text.split('data-level="critical" role="alert">')[1].split("</p>")[0]
    assert banner.lower().startswith(problem)
    assert "data-ask" in text


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/events",
        "/events?view=schema",
        "/trends?breakdown=x",
        f"/trends?event={quote(HOSTILE)}&breakdown={quote(HOSTILE)}",
        f"/funnel?step={quote(HOSTILE)}&breakdown={quote(HOSTILE)}&at=1",
        "/retention",
        f"/retention?start={quote(HOSTILE)}&back={quote(HOSTILE)}",
        "/paths",
        f"/paths?event={quote(HOSTILE)}",
        "/sessions",
        "/persons",
        f"/person?id={quote(HOSTILE)}",
        "/settings",
    ],
)
async def test_hostile_text_never_becomes_markup(world: World, path: str) -> None:
    ann = await add_tenant(world, "ann", HOSTILE)
    await send(
        world,
        ann,
        event(HOSTILE, HOSTILE, 1, **{HOSTILE: HOSTILE * 150}),
        event(HOSTILE, HOSTILE, 0.99, **{HOSTILE: {HOSTILE: [HOSTILE]}}),
        event("x" * 200, "y" * 512, 0.98),
    )
    text = await shown(world, ann, path)
    assert "<script>" not in text
    assert "<img" not in text
    assert "onerror=&#39;" in text
    assert not re.search(r" (on\w+|style)=[\"']", text)


async def test_a_person_page_shows_what_was_set_for_the_person(world: World) -> None:
    ann = await add_tenant(world, "ann")
    first = {"$set": {"plan": HOSTILE}, "$set_once": {"source": "ad"}}
    await send(world, ann, event("$identify", "a", 2, **first), event("open", "a", 1))
    text = await shown(world, ann, "/person?id=a")
    own = text.split("Properties of the person")[1].split("</dl>")[0]
    assert texts(own, r'<span class="name"><bdi>([^<]*)<') == ["plan", "source"]
    assert texts(own, r"<dd><bdi>([^<]*)</bdi></dd>") == [HOSTILE, "ad"]
    # The conditions of reports name it.
    text = await shown(world, ann, "/trends?event=open&where=person.source&op=equals&value=ad")
    assert texts(text, r'<td class="number">([\d,]+)</td>')[:1] == ["1"]
