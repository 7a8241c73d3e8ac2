"""Counts, trends and funnels as JSON, with filters and segments."""

from typing import Any
from urllib.parse import urlencode

import orjson
import pytest

from storage.api.projects import ProjectRole
from tests.web.projects.tenants import Tenant, add_member, add_tenant, send
from tests.web.service_doubles import NOW_MS
from tests.web.world import World
from web.projects.times import iso

HOUR_MS = 3_600_000
PRO = [{"property": "plan", "value": "pro"}]


def event(name: str, person: str, hours_ago: float, **properties: Any) -> dict[str, Any]:
    at = NOW_MS - round(hours_ago * HOUR_MS)
    return {"eventName": name, "userId": person, "timestamp": at, "properties": properties}


async def shop(world: World) -> Tenant:
    """Add a project in which ann buys, bob only looks and cat may still buy."""
    tenant = await add_tenant(world, "ann")
    await send(
        world,
        tenant,
        event("open", "ann", 72, plan="pro", amount=5),
        event("buy", "ann", 71, plan="pro", amount=20),
        event("open", "bob", 70, plan="free", amount=7),
        event("open", "cat", 0.5, plan="pro", amount=9),
    )
    return tenant


async def post(world: World, tenant: Tenant, report: str, body: dict[str, Any]) -> Any:
    body = {"projectKey": tenant.project.key} | body
    answer = await world.client.post(f"/v1/reports/{report}", json=body, headers=tenant.token)
    return answer.status, await answer.json()


async def get(world: World, tenant: Tenant, report: str, **query: Any) -> Any:
    text = urlencode({"projectKey": tenant.project.key, **query})
    answer = await world.client.get(f"/v1/reports/{report}?{text}", headers=tenant.token)
    return answer.status, await answer.json()


async def test_every_documented_report_takes_filters_as_parameter_and_in_a_body(
    world: World,
) -> None:
    tenant = await shop(world)
    for report, further, field, all_events, of_pro in (
        ("overview", {}, "totalEvents", 4, 3),
        ("conversion", {"eventName": "buy"}, "totalUsers", 3, 2),
    ):
        assert (await get(world, tenant, report, **further))[1][field] == all_events
        filters = orjson.dumps(PRO).decode()
        assert (await get(world, tenant, report, filters=filters, **further))[1][field] == of_pro
        posted = await post(world, tenant, report, {"filters": PRO, **further})
        assert (posted[0], posted[1][field]) == (200, of_pro)
    _, top = await post(world, tenant, "top-events", {"filters": PRO, "limit": 1})
    assert [(one["eventName"], one["count"]) for one in top["events"]] == [("open", 2)]
    _, series = await post(world, tenant, "events-timeseries", {"filters": PRO, "days": 7})
    assert sum(point["count"] for point in series["series"]) == 3
    _, funnel = await post(world, tenant, "funnel", {"filters": PRO, "steps": ["open", "buy"]})
    assert [step["users"] for step in funnel["steps"]] == [2, 1]


@pytest.mark.parametrize(
    ("report", "body", "field"),
    [
        ("overview", {"filters": [{"property": "n", "operator": "above"}]}, "filters[0].operator"),
        ("overview", {"filters": [{"segment": "Buyers"}]}, "filters[0].segment"),
        ("overview", {"filters": [{"property": "n", "operator": "matches", "value": "("}]}, None),
        ("funnel", {"steps": [{"event": "a", "filters": 7}]}, "steps[0].filters"),
        ("funnel", {"steps": ["a"], "exclusions": [{"event": "b"}]}, "exclusions[0].after"),
        ("trends", {"events": [{"event": "a", "measure": "p99"}]}, "events[0].property"),
    ],
)
async def test_an_invalid_question_names_the_field(
    world: World, report: str, body: dict[str, Any], field: str | None
) -> None:
    tenant = await add_tenant(world, "ann")
    status, answer = await post(world, tenant, report, body)
    assert (status, answer.get("field")) == (400, field)
    assert answer["error"]


async def test_a_filter_that_is_no_json_is_refused(world: World) -> None:
    tenant = await add_tenant(world, "ann")
    status, answer = await get(world, tenant, "overview", filters="plan=pro")
    assert (status, answer["field"]) == (400, "filters")


async def test_days_and_a_range_contradict_each_other(world: World) -> None:
    tenant = await add_tenant(world, "ann")
    status, answer = await post(world, tenant, "overview", {"days": 7, "to": iso(NOW_MS)})
    assert status == 400
    assert "days" in answer["error"]


async def test_trends_measure_several_events_beside_the_period_before(world: World) -> None:
    tenant = await shop(world)
    body = {
        "days": 2,
        "compare": True,
        "breakdown": "plan",
        "events": ["open", {"event": None, "measure": "sum", "property": "amount", "label": "sum"}],
    }
    status, answer = await post(world, tenant, "trends", body)
    assert status == 200
    assert [bucket["complete"] for bucket in answer["current"]["buckets"]] == [True, False]
    assert len(answer["previous"]["buckets"]) == 2
    (opened, total) = answer["series"]
    assert (opened["eventName"], opened["value"], opened["current"]["total"]) == ("open", "pro", 1)
    assert (total["eventName"], total["measure"], total["current"]["total"]) == ("sum", "sum", 9)
    assert total["previous"]["total"] == 25


async def test_a_funnel_answers_with_parts_and_the_persons_behind_its_numbers(
    world: World,
) -> None:
    tenant = await shop(world)
    question = {"steps": ["open", "buy"], "windowSeconds": 7200, "breakdown": "plan"}
    status, answer = await post(world, tenant, "funnel", question)
    assert status == 200
    step = answer["steps"][1]
    assert (step["users"], step["droppedOff"], step["stillOpen"]) == (1, 1, 1)
    assert (answer["medianSeconds"], answer["order"]) == (3600.0, "ordered")
    parts = {part["value"]: part["totalUsers"] for part in answer["parts"]}
    assert parts == {"pro": 2, "free": 1}
    for outcome, person in (("took", "ann"), ("dropped", "bob"), ("open", "cat")):
        body = {**question, "step": 2, "outcome": outcome}
        _, listed = await post(world, tenant, "funnel/persons", body)
        assert (listed["total"], listed["next"]) == (1, None)
        assert [one["distinctId"] for one in listed["persons"]] == [person]
    _, of_pro = await post(
        world, tenant, "funnel/persons", {**question, "step": 1, "value": "pro", "limit": 1}
    )
    assert (of_pro["total"], len(of_pro["persons"])) == (2, 1)
    _, second = await post(
        world,
        tenant,
        "funnel/persons",
        {**question, "step": 1, "value": "pro", "limit": 1, "after": of_pro["next"]},
    )
    both = of_pro["persons"] + second["persons"]
    assert {one["distinctId"] for one in both} == {"ann", "cat"}
    status, answer = await post(world, tenant, "funnel/persons", {**question, "step": 3})
    assert (status, answer["field"]) == (400, "step")


async def test_a_segment_is_a_filter_of_every_report_by_its_name(world: World) -> None:
    tenant = await shop(world)
    path = f"{tenant.api}/segments"
    body = {"name": "Buyers", "definition": [{"event": "buy", "atLeast": 1, "days": 30}]}
    created = await world.client.post(path, json=body, headers=tenant.token)
    assert created.status == 201
    segment = await created.json()
    filters = [{"segment": "Buyers"}]
    assert (await post(world, tenant, "overview", {"filters": filters}))[1]["totalEvents"] == 2
    others = [{"not": {"segment": "Buyers"}}]
    _, funnel = await post(world, tenant, "funnel", {"filters": others, "steps": ["open", "buy"]})
    assert [step["users"] for step in funnel["steps"]] == [2, 0]
    again = await world.client.post(path, json=body, headers=tenant.token)
    assert again.status == 409
    changed = {"name": "Pro", "definition": {"property": "plan", "value": "pro"}}
    one = f"{path}/{segment['id']}"
    assert (await world.client.put(one, json=changed, headers=tenant.token)).status == 200
    (listed,) = await (await world.client.get(path, headers=tenant.token)).json()
    assert (listed["name"], listed["definition"]) == ("Pro", changed["definition"])
    _, overview = await post(world, tenant, "overview", {"filters": [{"segment": "Pro"}]})
    assert overview["totalEvents"] == 3
    assert (await world.client.delete(one, headers=tenant.token)).status == 204
    assert (await world.client.delete(one, headers=tenant.token)).status == 404
    status, answer = await post(world, tenant, "overview", {"filters": [{"segment": "Pro"}]})
    assert (status, answer["field"]) == (400, "filters[0].segment")


async def test_an_invalid_segment_is_not_created(world: World) -> None:
    tenant = await add_tenant(world, "ann")
    for definition, field in (
        ([], "definition"),
        ({"event": "buy", "days": 0}, "definition.days"),
        ([{"segment": "Buyers"}], "definition[0]"),
    ):
        body = {"name": "Buyers", "definition": definition}
        answer = await world.client.post(f"{tenant.api}/segments", json=body, headers=tenant.token)
        assert (answer.status, (await answer.json())["field"]) == (400, field)
    listed = await world.client.get(f"{tenant.api}/segments", headers=tenant.token)
    assert await listed.json() == []


async def test_a_saved_report_keeps_its_question(world: World) -> None:
    tenant = await shop(world)
    path = f"{tenant.api}/reports"
    definition = {"steps": ["open", {"event": "buy"}], "days": 7, "projectKey": "x"}
    body = {"name": "Checkout", "kind": "funnel", "definition": definition}
    created = await world.client.post(path, json=body, headers=tenant.token)
    assert created.status == 201
    saved = await created.json()
    assert (saved["kind"], saved["author"]) == ("funnel", "ann")
    del definition["projectKey"]
    steps = [{"event": "open"}, {"event": "buy"}]
    assert saved["definition"] == {"steps": steps, "days": 7}
    assert (await post(world, tenant, "funnel", saved["definition"]))[0] == 200
    one = f"{path}/{saved['id']}"
    change = {"name": "All", "definition": {"steps": ["open"], "order": "any"}}
    changed = await world.client.put(one, json=change, headers=tenant.token)
    assert changed.status == 200
    shown = await (await world.client.get(one, headers=tenant.token)).json()
    assert (shown["name"], shown["definition"]["order"]) == ("All", "any")
    assert [each["id"] for each in await listed(world, tenant)] == [saved["id"]]
    assert (await world.client.delete(one, headers=tenant.token)).status == 204
    assert (await world.client.get(one, headers=tenant.token)).status == 404


@pytest.mark.parametrize(
    ("kind", "definition", "field"),
    [
        ("funnel", {}, "definition.steps"),
        ("funnel", {"steps": ["a", 1]}, "definition.steps[1]"),
        ("trends", {"events": ["a"], "interval": "year"}, "definition.interval"),
        ("overview", {"filters": [{"segment": "Buyers"}]}, "filters[0].segment"),
        ("funnel", {"steps": ["a"], "exclusions": [{"event": "b"}]}, "exclusions[0].after"),
        ("trends", {"events": [{"event": "a", "measure": "sum"}]}, "events[0].property"),
        ("heatmap", {}, "kind"),
    ],
)
async def test_an_invalid_report_is_not_saved(
    world: World, kind: str, definition: dict[str, Any], field: str
) -> None:
    tenant = await add_tenant(world, "ann")
    body = {"name": "Mine", "kind": kind, "definition": definition}
    answer = await world.client.post(f"{tenant.api}/reports", json=body, headers=tenant.token)
    assert (answer.status, (await answer.json())["field"]) == (400, field)
    assert not await listed(world, tenant)


async def test_viewers_see_what_editors_save_and_strangers_see_nothing(world: World) -> None:
    tenant = await shop(world)
    editor = await add_member(world, tenant, "eve", ProjectRole.EDITOR)
    viewer = await add_member(world, tenant, "vic", ProjectRole.VIEWER)
    stranger = await add_tenant(world, "sam")
    report = {"name": "Mine", "kind": "overview", "definition": {}}
    segment = {"name": "Buyers", "definition": [{"event": "buy"}]}
    for path, body in (("reports", report), ("segments", segment)):
        url = f"{tenant.api}/{path}"
        for sender, status in ((viewer, 403), (stranger, 404), (editor, 201)):
            answer = await world.client.post(url, json=body, headers=sender.token)
            assert answer.status == status
        one = f"{url}/{(await answer.json())['id']}"
        change = {key: value for key, value in body.items() if key != "kind"}
        for sender, shown, changed in ((viewer, 200, 403), (stranger, 404, 404)):
            assert (await world.client.get(url, headers=sender.token)).status == shown
            for method in ("PUT", "DELETE"):
                answer = await world.client.request(method, one, json=change, headers=sender.token)
                assert answer.status == changed
        # The number of another project's record reaches nothing through one's own project.
        own = one.replace(tenant.project.key, stranger.project.key)
        assert (await world.client.delete(own, headers=stranger.token)).status == 404


async def listed(world: World, tenant: Tenant) -> list[dict[str, Any]]:
    answer = await world.client.get(f"{tenant.api}/reports", headers=tenant.token)
    found: list[dict[str, Any]] = await answer.json()
    return found
