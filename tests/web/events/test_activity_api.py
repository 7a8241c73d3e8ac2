"""Retention, paths, persons, schema and live view as JSON."""

from dataclasses import replace
from typing import Any

import pytest

from storage.api.projects import ProjectRole
from tests.web.projects.tenants import Tenant, add_member, add_tenant, send
from tests.web.service_doubles import NOW_MS
from tests.web.world import World
from web.projects.times import iso

DAY_MS = 86_400_000
BEGIN_MS = (NOW_MS // DAY_MS - 10) * DAY_MS


def event(name: str, person: str, day: float, **more: Any) -> dict[str, Any]:
    at = round(BEGIN_MS + day * DAY_MS)
    return {"eventName": name, "userId": person, "timestamp": at, **more}


async def visits(world: World) -> Tenant:
    """Add a project in which ann and bob start on day 0, and ann comes back on day 1."""
    tenant = await add_tenant(world, "ann")
    await send(
        world,
        tenant,
        event("open", "ann", 0.1, properties={"plan": "pro", "width": 300}),
        event("buy", "ann", 0.101),
        event("open", "bob", 0.2),
        event("open", "ann", 1.1, anonymousId="anon-1"),
    )
    return tenant


async def post(world: World, tenant: Tenant, report: str, body: dict[str, Any]) -> Any:
    body = {
        "projectKey": tenant.project.key,
        "from": "1970-01-01T00:00:00Z",
        "to": "2100-01-01T00:00:00Z",
    } | body
    answer = await world.client.post(f"/v1/reports/{report}", json=body, headers=tenant.token)
    return answer.status, await answer.json()


async def get(world: World, tenant: Tenant, path: str, **query: str) -> Any:
    answer = await world.client.get(f"{tenant.api}/{path}", params=query, headers=tenant.token)
    return answer.status, await answer.json()


def days(first: int, last: int) -> dict[str, int | str]:
    return {"from": iso(BEGIN_MS + first * DAY_MS), "to": iso(BEGIN_MS + last * DAY_MS)}


async def test_retention_answers_with_cohorts_and_the_persons_behind_a_cell(
    world: World,
) -> None:
    tenant = await visits(world)
    question = {"startEvent": "open", "cohort": "day", "periods": 1, **days(0, 1)}
    status, answer = await post(world, tenant, "retention", question)
    assert status == 200
    (cohort,) = answer["cohorts"]
    assert (cohort["users"], [cell["users"] for cell in cohort["cells"]]) == (2, [1, 1])
    assert cohort["cells"][1]["rate"]["rate"] == 0.5
    status, answer = await post(
        world, tenant, "retention/persons", {**question, "cohortIndex": 0, "cellPeriod": 1}
    )
    assert (status, answer["users"]) == (200, ["ann"])


async def test_paths_answer_with_a_tree(world: World) -> None:
    tenant = await visits(world)
    status, answer = await post(world, tenant, "paths", {"startEvent": {"event": "open"}})
    assert (status, answer["unit"], answer["total"]) == (200, "sessions", 3)
    (first,) = answer["first"]
    assert (first["count"], first["ended"], first["other"]) == (3, 2, 0)
    assert [(step["eventName"], step["count"]) for step in first["following"]] == [("buy", 1)]


@pytest.mark.parametrize(
    ("report", "body", "field"),
    [
        ("retention", {}, "startEvent"),
        ("retention", {"startEvent": "open", "cohort": "minute"}, "cohort"),
        ("retention", {"startEvent": "open", "cohort": "day", "periods": 120}, "from"),
        ("retention", {"startEvent": "open", "kind": "elapsed", "cohort": "month"}, "period"),
        ("paths", {"startEvent": "a", "endEvent": "b"}, "end"),
        ("paths", {"depth": 99}, "depth"),
    ],
)
async def test_a_bad_question_names_its_field(
    world: World, report: str, body: dict[str, Any], field: str
) -> None:
    tenant = await add_tenant(world, "ann")
    status, answer = await post(world, tenant, report, {"from": None} | body)
    if field == "from":
        status, answer = await post(world, tenant, report, body | days(-700, 1))
    assert (status, answer["field"].split(".")[0]) == (400, field)


async def test_a_person_is_searched_shown_and_listed_in_pages(world: World) -> None:
    tenant = await visits(world)
    _, found = await get(world, tenant, "persons", search="a")
    assert [each["distinctId"] for each in found["persons"]] == ["ann"]
    _, person = await get(world, tenant, "persons/anon-1")
    assert (person["distinctId"], person["events"]) == ("ann", 3)
    assert {each["name"]: each["value"] for each in person["properties"]} == {
        "plan": "pro",
        "width": 300,
    }
    _, page = await get(world, tenant, "persons/ann/events", limit="2")
    assert [each["eventName"] for each in page["events"]] == ["open", "buy"]
    _, page = await get(world, tenant, "persons/ann/events", limit="2", before=page["cursor"])
    assert ([each["eventName"] for each in page["events"]], page["cursor"]) == (["open"], None)
    assert (await get(world, tenant, "persons/nobody"))[0] == 404


async def test_an_erased_person_is_gone_under_each_id_and_may_come_back(world: World) -> None:
    tenant = await visits(world)
    editor = await add_member(world, tenant, "eve", ProjectRole.EDITOR)
    path = f"{tenant.api}/persons/anon-1"
    assert (await world.client.delete(path, headers=editor.token)).status == 403
    answer = await world.client.delete(path, headers=tenant.token)
    assert (answer.status, await answer.json()) == (200, {"deleted": 3})
    assert (await get(world, tenant, "persons/ann"))[0] == 404
    recorded = [each.action for each in await world.services.audit.entries(10)]
    assert recorded == ["person.erase"]
    await send(world, tenant, event("open", "ann", 2, anonymousId="anon-1"))
    await send(world, tenant, {"eventName": "open", "anonymousId": "anon-1"})
    _, person = await get(world, tenant, "persons/ann")
    assert (person["events"], person["distinctIds"]) == (2, ["ann", "anon-1"])


async def test_the_schema_lists_names_and_properties(world: World) -> None:
    tenant = await visits(world)
    _, schema = await get(world, tenant, "schema")
    assert [(each["eventName"], each["count"]) for each in schema["events"]] == [
        ("open", 3),
        ("buy", 1),
    ]
    assert [(each["name"], each["types"], each["count"]) for each in schema["properties"]] == [
        ("plan", ["string"], 1),
        ("width", ["number"], 1),
    ]


async def described(world: World, tenant: Tenant, body: dict[str, Any]) -> Any:
    answer = await world.client.patch(f"{tenant.api}/schema", json=body, headers=tenant.token)
    return answer.status, await answer.json()


async def test_editors_describe_and_hide_names(world: World) -> None:
    tenant = await visits(world)
    body = {
        "events": [{"name": "open", "description": "started"}, {"name": "buy", "hidden": True}],
        "properties": [{"name": "plan", "description": "of the contract", "hidden": True}],
    }
    assert (await described(world, tenant, body))[0] == 200
    _, schema = await get(world, tenant, "schema")
    assert [(one["eventName"], one["description"]) for one in schema["events"]] == [
        ("open", "started")
    ]
    assert [one["name"] for one in schema["properties"]] == ["width"]
    _, schema = await get(world, tenant, "schema", hidden="true")
    assert [(one["eventName"], one["hidden"]) for one in schema["events"]] == [
        ("open", False),
        ("buy", True),
    ]
    assert [one["name"] for one in schema["properties"]] == ["plan", "width"]
    # A change keeps what it does not name.
    _, notes = await described(world, tenant, {"events": [{"name": "buy", "description": "paid"}]})
    assert {"name": "buy", "description": "paid", "hidden": True} in notes["events"]
    recorded = [each.action for each in await world.services.audit.entries(10)]
    assert recorded == ["schema.describe"] * 2


async def test_descriptions_go_with_the_settings_to_another_project(world: World) -> None:
    tenant, other = await visits(world), await add_tenant(world, "bob", "Other")
    await described(world, tenant, {"events": [{"name": "buy", "description": "paid"}]})
    exported = await (await world.client.get(tenant.api, headers=tenant.token)).json()
    assert (await described(world, other, exported["schema"]))[0] == 200
    imported = await (await world.client.get(other.api, headers=other.token)).json()
    assert imported["schema"] == exported["schema"]
    assert imported["schema"]["events"][0]["description"] == "paid"


async def test_viewers_read_descriptions_and_change_none(world: World) -> None:
    tenant = await visits(world)
    member = await add_member(world, tenant, "cat", ProjectRole.VIEWER)
    cat = replace(member, project=tenant.project)
    status, _ = await described(world, cat, {"events": [{"name": "buy", "hidden": True}]})
    assert status == 403
    assert (await get(world, cat, "schema"))[0] == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"events": [{"description": "x"}]}, "events.0.name"),
        ({"events": [{"name": "a", "description": "x" * 1001}]}, "events.0.description"),
        ({"properties": [{"name": ""}]}, "properties.0.name"),
        ({"names": []}, "names"),
    ],
)
async def test_wrong_description_is_named(world: World, body: dict[str, Any], field: str) -> None:
    tenant = await visits(world)
    status, answer = await described(world, tenant, body)
    assert status == 400
    assert answer["field"] == field


async def test_the_live_view_follows_its_cursor(world: World) -> None:
    tenant = await visits(world)
    _, live = await get(world, tenant, "live", limit="2")
    assert [each["eventName"] for each in live["events"]] == ["open", "open"]
    await send(world, tenant, event("later", "bob", 3))
    _, live = await get(world, tenant, "live", cursor=str(live["cursor"]))
    assert ([each["eventName"] for each in live["events"]], live["gap"]) == (["later"], False)


async def test_another_tenant_sees_none_of_it(world: World) -> None:
    tenant = await visits(world)
    bob = await add_tenant(world, "bob", "Other")
    for path in ("persons", "persons/ann", "persons/ann/events", "schema", "live"):
        answer = await world.client.get(f"{tenant.api}/{path}", headers=bob.token)
        assert answer.status == 404, path
    assert (await world.client.delete(f"{tenant.api}/persons/ann", headers=bob.token)).status == 404
    for report, more in (
        ("retention", {"startEvent": "open"}),
        ("retention/persons", {"startEvent": "open", "cohortIndex": 0}),
        ("paths", {}),
    ):
        body = {"projectKey": tenant.project.key, **more}
        answer = await world.client.post(f"/v1/reports/{report}", json=body, headers=bob.token)
        assert answer.status == 403, report


async def test_filters_choose_events_and_starts(world: World) -> None:
    tenant = await visits(world)
    is_pro = [{"property": "plan", "value": "pro"}]
    question = {"startEvent": {"event": "open", "filters": is_pro}, "cohort": "day", **days(0, 1)}
    _, answer = await post(world, tenant, "retention", question)
    assert [cohort["users"] for cohort in answer["cohorts"]] == [1]
    _, answer = await post(world, tenant, "paths", {"filters": is_pro})
    assert answer["total"] == 1
    status, answer = await post(world, tenant, "paths", {"endEvent": {"event": "a", "filters": 1}})
    assert (status, answer["field"]) == (400, "endEvent.filters")


@pytest.mark.parametrize(
    ("kind", "definition"),
    [("retention", {"startEvent": "open", "days": 7}), ("paths", {"endEvent": "buy"})],
)
async def test_the_questions_can_be_saved(
    world: World, kind: str, definition: dict[str, Any]
) -> None:
    tenant = await visits(world)
    body = {"name": "Mine", "kind": kind, "definition": definition}
    answer = await world.client.post(f"{tenant.api}/reports", json=body, headers=tenant.token)
    assert answer.status == 201
    wrong = {**body, "definition": {"startEvent": 1}}
    answer = await world.client.post(f"{tenant.api}/reports", json=wrong, headers=tenant.token)
    assert answer.status == 400
