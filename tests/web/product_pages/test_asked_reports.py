"""Trends and funnels as pages; saving them, and sharing them with anybody who has a link."""

import json
import re
from dataclasses import replace
from html import unescape
from typing import Any

import pytest

from analytics.product.definitions import ReportKind
from storage.api.projects import ProjectRole
from tests.web.product_pages.test_report_pages import event, shown, texts
from tests.web.projects.tenants import Tenant, add_member, add_tenant, send
from tests.web.service_doubles import NOW_MS
from tests.web.world import World

DAY_MS = 86_400_000
FUNNEL = "/funnel?step=open&step=buy&window=2&unit=days&days=7"


async def filled(world: World) -> Tenant:
    ann = await add_tenant(world, "ann")
    hour = 1 / 24
    await send(
        world,
        ann,
        *(event("open", person, 4, plan="pro" if person == "a" else "free") for person in "abc"),
        *(event("buy", person, 4 - hour, amount=5) for person in "ab"),
        event("open", "d", 1, plan="free"),
        event("buy", "d", 8, amount=7),
    )
    return ann


def hidden(text: str, name: str) -> str:
    return texts(text, rf'type="hidden" name="{name}" value="([^"]*)"')[0]


async def post(world: World, tenant: Tenant, path: str, **data: str) -> tuple[int, str]:
    answer = await world.client.post(
        tenant.pages + path, data=data, headers=tenant.session, allow_redirects=False
    )
    return answer.status, answer.headers.get("Location") or await answer.text()


async def test_funnel_has_the_numbers_of_the_api_and_links_to_their_persons(world: World) -> None:
    ann = await filled(world)
    text = await shown(world, ann, FUNNEL)
    body = {"projectKey": ann.project.key, **json.loads(hidden(text, "definition"))}
    answer = await world.client.post("/v1/reports/funnel", json=body, headers=ann.token)
    first, second = (await answer.json())["steps"]
    assert (first["users"], second["users"]) == (4, 2)
    assert (second["droppedOff"], second["stillOpen"]) == (1, 1)
    counts = texts(text, r'#persons">(\d+)</a> (?:<span|dropped|still)')
    assert counts == ["4", "2", "1", "1"]
    low, high = second["conversionRate"]["low"] * 100, second["conversionRate"]["high"] * 100
    assert f"{low:.1f} to {high:.1f} %" in text
    for link, persons in zip(
        texts(text, r'href="(/[^"]+#persons)"'),
        (["a", "b", "c", "d"], ["a", "b"], ["c"], ["d"]),
        strict=True,
    ):
        page = await shown(world, ann, link.removeprefix(ann.pages).split("#")[0])
        assert sorted(texts(page, r'class="name person"[^>]*><bdi>([^<]+)<')) == persons


async def test_funnel_by_a_property_adds_up(world: World) -> None:
    ann = await filled(world)
    text = await shown(world, ann, f"{FUNNEL}&breakdown=plan")
    rows = re.findall(
        r'<tr><th scope="row"><span class="name"><bdi>(\w+)</bdi></span></th>(.*?)</tr>', text
    )
    found = {name: texts(cells, r"#persons\">(\d+)<") for name, cells in rows}
    assert found == {"free": ["3", "1"], "pro": ["1", "1"]}
    links = texts(dict(rows)["free"], r'href="([^"]+)"')
    page = await shown(world, ann, links[0].removeprefix(ann.pages).split("#")[0])
    assert sorted(texts(page, r'class="name person"[^>]*><bdi>([^<]+)<')) == ["b", "c", "d"]


STEPS = (
    "/funnel?step=&step=open&step=buy&window=2&unit=days&days=7&exclude=leave"
    "&step_where=plan&step_op=equals&step_value=free&step_in=2"
    "&step_where=plan&step_op=equals&step_value=%3Cb%3E&step_in=2&step_match=2.any"
    "&step_where=amount&step_op=at_least&step_value=6&step_in=3"
    "&exclude_where=%24reason&exclude_op=is_set&exclude_in=1"
)
"""Steps with conditions of their own, numbered by their fields, of which the first is empty."""

STEPS_ASKED = [
    {
        "event": "open",
        "filters": [
            {
                "any": [
                    {"property": "plan", "operator": "equals", "value": value}
                    for value in ("free", "<b>")
                ]
            }
        ],
    },
    {
        "event": "buy",
        "filters": [{"property": "amount", "operator": "at_least", "value": 6}],
    },
]


async def test_steps_and_exclusions_have_conditions_of_their_own(world: World) -> None:
    ann = await filled(world)
    await send(world, ann, event("buy", "c", 3.9, amount=7), event("leave", "c", 3.95))
    text = await shown(world, ann, STEPS)
    definition = json.loads(hidden(text, "definition"))
    assert definition["steps"] == STEPS_ASKED
    assert definition["exclusions"] == [
        {"event": "leave", "filters": [{"property": "$reason", "operator": "is_set"}]}
    ]
    # Of the free persons b, c and d, c bought for 7; the event between has no reason.
    assert texts(text, r'#persons">(\d+)</a> <span') == ["3", "1"]
    body = {"projectKey": ann.project.key, **definition}
    answer = await world.client.post("/v1/reports/funnel", json=body, headers=ann.token)
    assert [step["users"] for step in (await answer.json())["steps"]] == [3, 1]
    where = re.findall(r'<p class="funnel-where">(.*?)</p>', text)
    assert [" ".join(re.sub("<[^>]*>", "", each).split()) for each in where] == [
        "where plan is free or plan is &lt;b&gt;",
        "where amount is at least 6",
    ]
    # Persons behind a number are asked with the same conditions.
    link = texts(text, r'href="(/[^"]+#persons)"')[1]
    page = await shown(world, ann, link.removeprefix(ann.pages).split("#")[0])
    assert texts(page, r'class="name person"[^>]*><bdi>([^<]+)<') == ["c"]


async def test_conditions_of_steps_are_saved_and_shared(world: World) -> None:
    ann = await filled(world)
    text = await shown(world, ann, STEPS)
    fields = {name: hidden(text, name) for name in ("kind", "definition")}
    _, where = await post(world, ann, "/reports", name="Steps", **fields)
    again = await shown(world, ann, where.removeprefix(ann.pages))
    assert json.loads(hidden(again, "definition"))["steps"] == STEPS_ASKED
    assert texts(again, r'name="step_where" value="([^"]+)"') == ["plan", "plan", "amount"]
    assert texts(again, r'name="step_in" value="([^"]+)"') == ["1", "1", "2"]
    assert '<option value="1.any" selected>' in again
    assert texts(again, r'name="exclude_where" value="([^"]+)"') == ["$reason"]
    assert "conditions that this form cannot show" not in again
    # The form of the saved report asks the same again.
    asked = [
        (name, value)
        for name, value in re.findall(
            r'name="(?!\w+_any)(\w+)" value="([^"]*)"', again.split("data-ask")[1]
        )
        if name.startswith(("step", "exclude"))
    ]
    assert [value for name, value in asked if name == "step"] == ["open", "buy"]
    status, page = await post(world, ann, "/shares", title="Steps", days="1", **fields)
    assert status == 200
    (token,) = set(re.findall(r"/share/([\w-]{32})", page))
    shared = await (await world.client.get(f"/share/{token}")).text()
    assert "funnel-where" in shared
    assert "&lt;b&gt;" in shared


@pytest.mark.parametrize(
    "step",
    [
        {"event": "open", "filters": [{"not": {"property": "plan", "value": "pro"}}]},
        {"event": "open", "filters": [{"segment": "Buyers"}, {"segment": "Others"}]},
        {"event": None, "filters": [{"any": [{"segment": "Buyers"}]}]},
    ],
)
async def test_a_form_says_that_it_lacks_conditions_of_a_step(
    world: World, step: dict[str, Any]
) -> None:
    ann = await filled(world)
    analytics = world.services.analytics
    for name in ("Buyers", "Others"):
        await analytics.segments.create(ann.project, name, [{"event": "buy", "atLeast": 1}])
    definition = {"steps": [step, {"event": "buy"}], "days": 7}
    saved = await analytics.saved_reports.save(
        ann.project, "x", ReportKind.FUNNEL, definition, "ann"
    )
    text = await shown(world, ann, f"/funnel?saved={saved.id}")
    assert "conditions that this form cannot show" in text
    assert "with further conditions" in text


PLACES = (
    "/funnel?step=&step_any=1&step=pay&step=buy&days=7&step_segment=&step_segment=&step_segment=Free"
    "&exclude=leave&exclude=&exclude_any=2&exclude_after=2&exclude_after=1"
    "&exclude_before=&exclude_before=2&exclude_segment=&exclude_segment=Free"
    "&exclude_where=why&exclude_op=is_set&exclude_in=2"
)
"""Any event as a step and as an exclusion, segments, and exclusions between some steps only."""

PLACES_ASKED = {
    "steps": [
        {"event": None},
        {"event": "pay"},
        {"event": "buy", "filters": [{"segment": "Free"}]},
    ],
    "exclusions": [
        {"event": "leave", "after": 2},
        {
            "event": None,
            "filters": [{"property": "why", "operator": "is_set"}, {"segment": "Free"}],
            "after": 1,
            "before": 2,
        },
    ],
}


async def with_free(world: World) -> Tenant:
    """Return a project with five persons, of which all but a and f are free."""
    ann = await add_tenant(world, "ann")
    await world.services.analytics.segments.create(
        ann.project, "Free", [{"property": "plan", "value": "free"}]
    )
    hour = 1 / 24
    ways = {
        # Any event begins: what a named first step would not count.
        "b": ("visit", "pay", "buy"),
        # Left before the step from which the exclusion counts, and after it.
        "c": ("open", "leave", "pay", "buy"),
        "d": ("open", "pay", "leave", "buy"),
        # Any event with a reason, between the first two steps.
        "e": ("open", "complain", "pay", "buy"),
        # In no segment: not counted in the last step, nor excluded.
        "f": ("open", "complain", "pay", "buy"),
    }
    reasons = {"complain": "price"}
    for person, names in ways.items():
        plan = "pro" if person == "f" else "free"
        await send(
            world,
            ann,
            *(
                event(name, person, 4 - place * hour, plan=plan, why=reasons.get(name))
                for place, name in enumerate(names)
            ),
        )
    return ann


async def test_steps_take_any_event_and_a_segment_and_exclusions_have_places(
    world: World,
) -> None:
    ann = await with_free(world)
    text = await shown(world, ann, PLACES)
    definition = json.loads(hidden(text, "definition"))
    assert {key: definition[key] for key in PLACES_ASKED} == PLACES_ASKED
    body = {"projectKey": ann.project.key, **definition}
    answer = await world.client.post("/v1/reports/funnel", json=body, headers=ann.token)
    api = [step["users"] for step in (await answer.json())["steps"]]
    assert [int(count) for count in texts(text, r'#persons">(\d+)</a> <span')] == api
    # e may begin again with its complaint; d left between the last two steps; f is not free.
    assert api == [5, 5, 3]
    assert "the person is in <bdi>Free</bdi>" in text
    assert re.findall(r'<b class="name">(.*?)</b>', text) == [
        "any event",
        "<bdi>pay</bdi>",
        "<bdi>buy</bdi>",
    ]
    link = texts(text, r'href="(/[^"]+#persons)"')[0]
    page = await shown(world, ann, link.removeprefix(ann.pages).split("#")[0])
    assert '<span class="name">any event</span>' in page


async def test_any_event_segments_and_places_are_saved(world: World) -> None:
    ann = await with_free(world)
    fields = {
        name: hidden(await shown(world, ann, PLACES), name) for name in ("kind", "definition")
    }
    _, where = await post(world, ann, "/reports", name="Places", **fields)
    again = await shown(world, ann, where.removeprefix(ann.pages))
    saved = json.loads(hidden(again, "definition"))
    assert {key: saved[key] for key in PLACES_ASKED} == PLACES_ASKED
    assert "conditions that this form cannot show" not in again
    assert texts(again, r'name="(\w+_any)" value="\d" checked') == ["step_any", "exclude_any"]
    assert texts(again, r'name="exclude_after" value="(\d*)"') == ["2", "1"]
    assert texts(again, r'name="exclude_before" value="(\d*)"') == ["", "2"]
    assert again.count('value="Free" selected') == 2


@pytest.mark.parametrize("number", ["0", "x", "2", "99999999999999999999999"])
async def test_an_exclusion_at_no_place_is_refused(world: World, number: str) -> None:
    ann = await filled(world)
    path = f"/funnel?step=open&step=buy&exclude=leave&exclude_after={number}"
    assert "exclusions" in await shown(world, ann, path, 400)


@pytest.mark.parametrize(
    "asked", ["window=1e30&unit=days", "step_where=n&step_op=less&step_value=1e30&step_in=1"]
)
async def test_a_huge_number_in_the_form_is_refused(world: World, asked: str) -> None:
    ann = await filled(world)
    await shown(world, ann, f"/funnel?step=open&step=buy&{asked}", 400)


async def test_a_condition_of_a_step_is_added_without_a_script(world: World) -> None:
    ann = await filled(world)
    text = await shown(world, ann, f"{STEPS}&more=row")
    rows = re.findall(r'name="step_where" value="([^"]*)"', text)
    assert rows == ["plan", "plan", "", "amount", ""]


async def test_an_invalid_condition_of_a_step_is_named(world: World) -> None:
    ann = await filled(world)
    text = await shown(world, ann, "/funnel?step=open&step_where=a&step_op=like&step_in=1", 400)
    assert "steps[0].filters[0].operator" in unescape(text).lower()


async def test_trends_measure_events_persons_and_properties(world: World) -> None:
    ann = await filled(world)
    query = "event=open&measure=events&on=&event=buy&measure=sum&on=amount&compare=true&days=7"
    text = await shown(world, ann, f"/trends?{query}")
    data = json.loads(text.split('id="trends-chart">')[1].split("</script>")[0])
    lines = {line["name"]: [value or 0 for value in line["values"]] for line in data["lines"]}
    assert lines["open: events"] == [0, 0, 3, 0, 0, 1, 0]
    assert lines["buy: Sum of amount"] == [0, 0, 10, 0, 0, 0, 0]
    assert sum(lines["buy: Sum of amount, before"]) == 7
    assert [line.get("dashed", False) for line in data["lines"]] == [False, False, True, True]
    assert "+42.9 %" in text


@pytest.mark.parametrize(
    ("query", "events"),
    [
        ("where=plan&op=equals&value=pro", 1),
        ("where=plan&op=differs&value=pro", 5),
        ("where=amount&op=greater&value=5", 0),
        ("where=amount&op=equals&value=5", 2),
        ("where=amount&op=is_set", 2),
    ],
)
async def test_a_condition_restricts_a_report(world: World, query: str, events: int) -> None:
    ann = await filled(world)
    text = await shown(world, ann, f"/trends?days=7&{query}")
    data = json.loads(text.split('id="trends-chart">')[1].split("</script>")[0])
    assert sum(value or 0 for value in data["lines"][0]["values"]) == events


async def test_a_saved_report_is_opened_again_with_its_form(world: World) -> None:
    ann = await filled(world)
    bob = await add_member(world, ann, "bob", ProjectRole.VIEWER)
    path = f"{FUNNEL}&exclude=refund&exclude=leave&order=ordered"
    text = await shown(world, ann, path)
    fields = {name: hidden(text, name) for name in ("kind", "definition")}
    assert (
        "Save report"
        not in await (await world.client.get(ann.pages + path, headers=bob.session)).text()
    )
    status, where = await post(world, ann, "/reports", name="To <b>buy</b>", **fields)
    assert status == 303
    again = await shown(world, ann, where.removeprefix(ann.pages))
    assert texts(again, r'name="(?:step|exclude)" value="([^"]+)"') == [
        *("open", "buy", "refund", "leave")
    ]
    assert 'name="window" inputmode="decimal" value="2"' in again
    assert "To &lt;b&gt;buy&lt;/b&gt;" in again
    assert json.loads(hidden(again, "definition")).keys() == {
        *json.loads(fields["definition"]).keys()
    }
    (number,) = re.findall(r"saved=(\d+)", where)
    await shown(world, ann, f"/trends?saved={number}", 404)
    await shown(world, ann, "/funnel?saved=99999999999999999999", 404)
    assert (await post(world, ann, f"/reports/{number}/remove"))[0] == 303
    await shown(world, ann, f"/funnel?saved={number}", 404)


@pytest.mark.parametrize("path", ["", FUNNEL, "/trends", "/retention", "/paths", "/sessions"])
async def test_a_shared_report_needs_no_login_and_shows_no_person(world: World, path: str) -> None:
    ann = await filled(world)
    text = await shown(world, ann, path)
    fields = {name: hidden(text, name) for name in ("kind", "definition")}
    status, page = await post(world, ann, "/shares", title="Q3 <b>", days="7", **fields)
    assert status == 200
    (token,) = set(re.findall(r"/share/([\w-]{32})", page))
    assert token not in await shown(world, ann, "/settings")
    answer = await world.client.get(f"/share/{token}")
    shared = await answer.text()
    assert answer.status == 200
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "Q3 &lt;b&gt;" in shared
    assert "/projects/" not in re.sub(r"/static/\S+", "", shared)
    assert "person?id" not in shared
    assert "<form" not in shared
    world.now[0] += 7 * DAY_MS
    assert (await world.client.get(f"/share/{token}")).status == 404


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("days=7&interval=week", {"days": "7"}),
        ("from=2025-11-01&to=2025-11-05", {"from": "2025-11-01", "to": "2025-11-05"}),
    ],
)
async def test_the_form_of_a_saved_report_has_its_range(
    world: World, query: str, expected: dict[str, str]
) -> None:
    ann = await filled(world)
    zone = replace(ann.project.settings, time_zone="Asia/Kathmandu")
    await world.services.analytics.projects.change(ann.project, zone)
    text = await shown(world, ann, f"/trends?{query}")
    fields = {name: hidden(text, name) for name in ("kind", "definition")}
    _, where = await post(world, ann, "/reports", name="x", **fields)
    again = await shown(world, ann, where.removeprefix(ann.pages))
    if "days" in expected:
        assert f'<option value="{expected["days"]}" selected>' in again
    else:
        assert texts(again, r'type="date" name="\w+" value="([^"]+)"') == [*expected.values()]


async def test_a_kind_without_a_page_is_not_saved_by_a_form(world: World) -> None:
    ann = await add_tenant(world, "ann")
    status, text = await post(
        world, ann, "/reports", kind="top-events", definition="{}", name="Top"
    )
    assert status == 400
    assert "This report has no page" in text
    assert await world.services.analytics.saved_reports.all(ann.project) == []


async def test_a_revoked_link_shows_nothing_and_is_kept_as_a_hash(world: World) -> None:
    ann = await filled(world)
    bob = await add_member(world, ann, "bob", ProjectRole.VIEWER)
    fields = {"kind": "trends", "definition": '{"events":["open"]}', "title": "T", "days": "1"}
    denied = await world.client.post(f"{ann.pages}/shares", data=fields, headers=bob.session)
    assert denied.status == 403
    _, page = await post(world, ann, "/shares", **fields)
    (token,) = set(re.findall(r"/share/([\w-]{32})", page))
    (share,) = await world.services.analytics.shares.live(ann.project)
    assert share.expires_ms == NOW_MS + DAY_MS
    records = world.services.analytics.shares._records
    assert await records.find(token, NOW_MS) is None
    text = unescape(await shown(world, ann, "/settings"))
    assert f'action="{ann.pages}/shares/{share.id}/revoke"' in text
    assert (await post(world, ann, f"/shares/{share.id}/revoke"))[0] == 303
    assert (await world.client.get(f"/share/{token}")).status == 404
    assert (await post(world, ann, f"/shares/{share.id}/revoke"))[0] == 404
    actions = [one.action for one in await world.services.audit.entries(5)]
    assert actions == ["share.revoke", "share.create"]


@pytest.mark.parametrize(
    "change",
    [
        {"definition": "{"},
        {"definition": "[]"},
        {"definition": '{"events":[]}'},
        {"kind": "top-events"},
        {"kind": "overview", "definition": '{"filters":[{"segment":"nobody"}]}'},
        {"kind": "x"},
        {"days": "0"},
        {"days": "367"},
        {"title": " "},
    ],
)
async def test_an_invalid_link_is_refused(world: World, change: dict[str, str]) -> None:
    ann = await add_tenant(world, "ann")
    fields = {"kind": "trends", "definition": '{"events":["open"]}', "title": "T", "days": "1"}
    assert (await post(world, ann, "/shares", **fields | change))[0] == 400
    assert await world.services.analytics.shares.live(ann.project) == []
