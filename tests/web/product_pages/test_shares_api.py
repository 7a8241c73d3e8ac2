"""Share links as JSON: created, listed and revoked by editors of a project."""

from typing import Any

import pytest
from yarl import URL

from storage.api.projects import ProjectRole
from tests.web.projects.tenants import Tenant, add_member, add_tenant, send
from tests.web.service_doubles import NOW_MS
from tests.web.world import World

FUNNEL = {"kind": "funnel", "definition": {"steps": ["open", "buy"]}, "title": "Checkout"}


async def create(world: World, tenant: Tenant, body: Any) -> tuple[int, Any]:
    answer = await world.client.post(f"{tenant.api}/shares", json=body, headers=tenant.token)
    return answer.status, await answer.json()


async def listed(world: World, tenant: Tenant) -> Any:
    return await (await world.client.get(f"{tenant.api}/shares", headers=tenant.token)).json()


async def test_a_link_shows_its_report_until_it_is_revoked(world: World) -> None:
    ann = await add_tenant(world, "ann")
    await send(world, ann, {"eventName": "open", "anonymousId": "a", "timestamp": NOW_MS - 1000})
    status, made = await create(world, ann, {**FUNNEL, "days": 7})
    assert status == 201
    (share,) = await listed(world, ann)
    assert share["definition"] == FUNNEL["definition"]
    assert (share["id"], share["title"], share["author"]) == (made["id"], "Checkout", "ann")
    assert share["expiresAt"] == made["expiresAt"]
    token = made["url"].rsplit("/", 1)[1]
    assert token not in str(share)
    address = URL(made["url"]).path
    page = await world.client.get(address)
    assert page.status == 200
    assert "Checkout" in await page.text()
    path = f"{ann.api}/shares/{made['id']}"
    assert (await world.client.delete(path, headers=ann.token)).status == 204
    assert (await world.client.get(address)).status == 404
    assert await listed(world, ann) == []
    assert (await world.client.delete(path, headers=ann.token)).status == 404


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"days": 0}, "days"),
        ({"days": 367}, "days"),
        ({"title": " "}, "title"),
        ({"kind": "top-events"}, "kind"),
        ({"kind": "overview", "definition": {"days": 0}}, "days"),
        ({"definition": {"steps": 1}}, "steps"),
        ({"password": "x"}, "password"),
    ],
)
async def test_a_link_to_a_question_without_an_answer_is_refused(
    world: World, change: dict[str, Any], field: str
) -> None:
    ann = await add_tenant(world, "ann")
    status, answer = await create(world, ann, {**FUNNEL, **change})
    assert (status, answer["field"]) == (400, field)
    assert await listed(world, ann) == []


async def test_a_viewer_of_the_project_neither_sees_nor_makes_links(world: World) -> None:
    ann = await add_tenant(world, "ann")
    bob = await add_member(world, ann, "bob", ProjectRole.VIEWER)
    for method, body in (("GET", None), ("POST", FUNNEL)):
        answer = await world.client.request(
            method, f"{ann.api}/shares", json=body, headers=bob.token
        )
        assert answer.status == 403
