"""Links that show a dashboard without a login."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pytest_aiohttp import AiohttpClient

from storage.api.accounts import Role
from tests.web.world import World, world_at

QUERY = {"ref": "A", "expr": 'vector(1) and on() label_replace(vector(1), "h", "$host", "", "")'}
TEXT = {"ref": "T", "expr": "vector(${n:raw})", "instant": True}
PANEL = {"id": 7, "title": "Load", "queries": [QUERY, TEXT]}
VARIABLES = [
    {"name": "host", "query": "label_values(up, instance)", "multi": True, "include_all": True}
    | {"all_value": ".*"},
    {"name": "n", "kind": "custom", "query": "1,2,3"},
]
ASKED = {"panel": 7, "ref": "T", "range": False, "end": 1000, "step": 15}
ASKED |= {"from_ms": 0, "to_ms": 1_000_000}


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        dashboard = {"title": "Secret load", "panels": [PANEL], "variables": VARIABLES}
        body = {"uid": "load", "dashboard": dashboard}
        status, answer = await send(world, "POST", "/api/dashboards", body)
        assert status == 201, answer
        yield world


async def send(
    world: World, method: str, path: str, body: Any = None, role: Role | None = Role.EDITOR
) -> tuple[int, Any]:
    """Return the status and the JSON of an answer; without a role, nobody is logged in."""
    headers = {} if role is None else await world.bearer(role)
    answer = await world.client.request(method, path, json=body, headers=headers)
    return answer.status, None if answer.status == 204 else await answer.json()


async def share(world: World, **fields: Any) -> dict[str, Any]:
    variables = {"host": {"values": ["a", "b"]}, "n": {"values": ["1"]}}
    body = {"variables": variables, **fields}
    status, answer = await send(world, "POST", "/api/dashboards/load/shares", body)
    assert status == 201, answer
    answer["token"] = answer["url"].rpartition("/")[2]
    found: dict[str, Any] = answer
    return found


async def ask(world: World, token: str, **fields: Any) -> tuple[int, Any]:
    path = f"/api/shared/dashboards/{token}/query"
    return await send(world, "POST", path, ASKED | fields, role=None)


async def test_reader_of_a_link_gets_the_values_of_a_panel(world: World) -> None:
    token = (await share(world))["token"]
    status, answer = await ask(world, token)
    assert (status, answer["status"]) == (200, "success")
    assert world.engine.asked[-1] == ("vector(1)", 1_000_000, 1_000_000, 0)
    assert (await ask(world, token, ref="A", range=True, start=970))[0] == 200
    query, *times_ms = world.engine.asked[-1]
    assert times_ms == [970_000, 1_000_000, 15_000]
    assert '"(a|b)"' in query


async def test_page_of_a_link_needs_no_login_and_hides_queries(world: World) -> None:
    token = (await share(world))["token"]
    answer = await world.client.get(f"/share/dashboards/{token}")
    text = await answer.text()
    assert answer.status == 200
    assert "Secret load" in text
    assert "label_values" not in text
    assert "vector(" not in text
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["X-Robots-Tag"] == "noindex"


async def test_reader_gets_nothing_that_the_link_does_not_share(world: World) -> None:
    token = (await share(world))["token"]
    status, answer = await ask(world, token, values={"n": ["2"]})
    assert (status, answer["field"]) == (400, "values")
    assert (await ask(world, token, values={"host": ["a", "c"]}))[0] == 400
    assert (await ask(world, token, panel=8))[0] == 404
    assert (await ask(world, token, ref="B"))[0] == 404
    assert (await ask(world, token, expr="up"))[0] == 400
    assert (await ask(world, token, range=True, start=0, end=1e6, step=0.001))[0] == 400
    # Everything else still wants a login.
    assert (await send(world, "GET", "/api/dashboards/load", role=None))[0] == 401


async def test_all_values_are_the_text_for_all_only_if_the_link_shares_all(world: World) -> None:
    dashboard = {"title": "T", "variables": VARIABLES}
    query = {"ref": "A", "expr": 'label_replace(vector(1), "h", "${host:raw}", "", "")'}
    dashboard["panels"] = [{"id": 7, "queries": [query]}]
    change = {"version": 1, "dashboard": dashboard}
    assert (await send(world, "PUT", "/api/dashboards/load", change))[0] == 200
    for is_all, expected in ((True, ".*"), (False, "a,b")):
        variables = {"host": {"values": ["a", "b"], "all": is_all}}
        token = (await share(world, variables=variables))["token"]
        assert (await ask(world, token, ref="A"))[0] == 200
        assert expected in world.engine.asked[-1][0]


async def test_link_ends_when_it_is_revoked_or_expires(world: World) -> None:
    first, second = await share(world), await share(world, days=1)
    _, listed = await send(world, "GET", "/api/dashboards/load/shares")
    assert [one["id"] for one in listed] == [second["id"], first["id"]]
    assert all("url" not in one for one in listed)
    path = f"/api/dashboards/load/shares/{first['id']}"
    assert (await send(world, "DELETE", path))[0] == 204
    assert (await send(world, "DELETE", path))[0] == 404
    assert (await ask(world, first["token"]))[0] == 404
    assert (await world.client.get(f"/share/dashboards/{first['token']}")).status == 404
    assert (await ask(world, second["token"]))[0] == 200
    world.now[0] += 86_400_000
    assert (await ask(world, second["token"]))[0] == 404


async def test_link_ends_with_its_dashboard(world: World) -> None:
    token = (await share(world))["token"]
    assert (await send(world, "DELETE", "/api/dashboards/load"))[0] == 204
    assert (await ask(world, token))[0] == 404


async def test_unknown_variable_and_viewer_are_refused(world: World) -> None:
    body = {"variables": {"other": {"values": ["x"]}}}
    status, answer = await send(world, "POST", "/api/dashboards/load/shares", body)
    assert (status, answer["field"]) == (400, "variables.other")
    refused = await send(world, "POST", "/api/dashboards/load/shares", {}, role=Role.VIEWER)
    assert refused[0] == 403


async def test_hostile_token_is_refused(world: World) -> None:
    for token in ("x" * 300, "%00", "a%2Fb", "../load"):
        answer = await world.client.get(f"/share/dashboards/{token}")
        assert answer.status in (400, 404), token
