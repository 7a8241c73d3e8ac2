import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pytest_aiohttp import AiohttpClient

from storage.api.accounts import Role
from storage.api.dashboards.stored import DashboardContent
from tests.web.world import World, opened_records, world_at
from web.dashboards.definition import Dashboard
from web.dashboards.library import DashboardLibrary

PATH = "/api/dashboards"
PANEL = {"id": 1, "title": "Load", "queries": [{"expr": "node_load1"}]}


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        yield world


async def send(
    world: World, method: str, path: str, body: Any = None, *, role: Role = Role.EDITOR
) -> tuple[int, Any]:
    """Return the status and the JSON of an answer."""
    headers = await world.bearer(role)
    answer = await world.client.request(method, f"{PATH}{path}", json=body, headers=headers)
    return answer.status, None if answer.status == 204 else await answer.json()


async def make(world: World, uid: str = "load", **fields: Any) -> None:
    dashboard = {"title": "Load", "panels": [PANEL], **fields}
    status, answer = await send(world, "POST", "", {"uid": uid, "dashboard": dashboard})
    assert status == 201, answer


async def test_made_dashboard_is_read_back(world: World) -> None:
    await make(world, tags=["linux"])
    status, found = await send(world, "GET", "/load", role=Role.VIEWER)
    assert status == 200
    assert (found["version"], found["panels"], found["shipped"]) == (1, 1, False)
    assert found["dashboard"]["panels"][0]["queries"][0]["expr"] == "node_load1"
    _, listed = await send(world, "GET", "", role=Role.VIEWER)
    assert [one["tags"] for one in listed if one["uid"] == "load"] == [["linux"]]


async def test_new_dashboard_shows_the_last_hour(world: World) -> None:
    await make(world)
    _, found = await send(world, "GET", "/load")
    assert found["dashboard"]["start"] == "now-1h"


async def test_times_of_a_stored_dashboard_stay(tmp_path: Path) -> None:
    """Until the default was an hour, it was six, and defaults were not stored."""
    async with opened_records(tmp_path) as records:
        library = DashboardLibrary(records.dashboards, lambda: 0)
        for uid, definition in (
            ("old", '{"title":"Old"}'),
            ("day", '{"title":"D","start":"now-1d"}'),
        ):
            content = DashboardContent("Old", (), 0, definition)
            await records.dashboards.add(uid, content, "ann", "", 0)
        await library.add(Dashboard(title="New"), "ann", "", "new")
        starts = [(await library.get(uid))[1].start for uid in ("old", "day", "new")]
        assert starts == ["now-6h", "now-1d", "now-1h"]
        # A new version keeps the time that the reader has seen.
        _, old, _ = await library.get("old")
        await library.change("old", 1, old, "ann", "")
        assert (await library.version("old", 2)).start == "now-6h"
        stored = await records.dashboards.get("new")
        assert json.loads(stored.definition) == {"title": "New", "start": "now-1h"}


async def test_stale_change_is_refused_and_nothing_is_lost(world: World) -> None:
    await make(world)
    first = {"version": 1, "dashboard": {"title": "First"}, "message": "mine"}
    assert (await send(world, "PUT", "/load", first))[1]["version"] == 2
    status, answer = await send(world, "PUT", "/load", first | {"dashboard": {"title": "Second"}})
    assert (status, answer["field"]) == (409, "version")
    assert "is at version 2" in answer["error"]
    assert (await send(world, "GET", "/load"))[1]["title"] == "First"


async def test_restored_version_is_a_new_one(world: World) -> None:
    await make(world)
    await send(world, "PUT", "/load", {"version": 1, "dashboard": {"title": "Empty"}})
    assert (await send(world, "GET", "/load/versions/1"))[1]["panels"][0]["title"] == "Load"
    status, answer = await send(world, "POST", "/load/restore", {"version": 2, "restore": 1})
    assert (status, answer["version"], answer["panels"]) == (200, 3, 1)
    _, history = await send(world, "GET", "/load/versions")
    assert [(one["version"], one["title"]) for one in history] == [
        (3, "Load"),
        (2, "Empty"),
        (1, "Load"),
    ]
    assert (await send(world, "POST", "/load/restore", {"version": 3, "restore": 9}))[0] == 404
    assert (await send(world, "POST", "/load/restore", {"version": 1, "restore": 1}))[0] == 409


async def test_copy_has_a_uid_of_its_own(world: World) -> None:
    await make(world)
    status, copy = await send(world, "POST", "/load/duplicate", {})
    assert (status, copy["title"]) == (201, "Load copy")
    assert copy["uid"] != "load"
    assert (await send(world, "DELETE", "/load"))[0] == 204
    assert (await send(world, "GET", "/load"))[0] == 404
    assert (await send(world, "GET", f"/{copy['uid']}"))[0] == 200


async def test_viewer_reads_and_does_not_change(world: World) -> None:
    await make(world)
    for method, path, body in (
        ("POST", "", {"dashboard": {"title": "x"}}),
        ("PUT", "/load", {"version": 1, "dashboard": {"title": "x"}}),
        ("DELETE", "/load", None),
        ("POST", "/load/duplicate", {}),
        ("POST", "/load/restore", {"version": 1, "restore": 1}),
        ("POST", "/import", {"title": "x"}),
    ):
        assert (await send(world, method, path, body, role=Role.VIEWER))[0] == 403, path
    for path in ("", "/load", "/load/versions", "/load/versions/1", "/load/grafana"):
        assert (await send(world, "GET", path, role=Role.VIEWER))[0] == 200, path


@pytest.mark.parametrize(
    ("dashboard", "field"),
    [
        ({"title": ""}, "dashboard.title"),
        ({"title": "x", "panels": [{"kind": "pie"}]}, "dashboard.panels.0.kind"),
        ({"title": "x", "panels": [{"place": {"x": 20, "w": 9}}]}, "dashboard.panels.0.place"),
        ({"title": "x", "panels": [{}] * 1001}, "dashboard.panels"),
        ({"title": "x", "start": "yesterday"}, "dashboard.start"),
        ({"title": "x", "variables": [{"name": "a b"}]}, "dashboard.variables.0.name"),
        ({"title": "x", "variables": [{"name": "a"}] * 2}, "dashboard"),
        ({"title": "x", "script": "alert(1)"}, "dashboard.script"),
    ],
)
async def test_invalid_field_of_a_dashboard_is_named(
    world: World, dashboard: Any, field: str
) -> None:
    status, answer = await send(world, "POST", "", {"dashboard": dashboard})
    assert (status, answer["field"]) == (400, field)


async def test_import_lists_what_is_not_drawn_and_keeps_the_uid(world: World) -> None:
    exported = {
        "uid": "grafana-1",
        "title": "From Grafana",
        "panels": [
            {
                "id": 7,
                "type": "news",
                "title": "Others",
                "gridPos": {"x": 0, "y": 0, "w": 6, "h": 4},
                "transformations": [{"id": "extractFields"}],
            }
        ],
    }
    status, answer = await send(world, "POST", "/import", exported)
    assert (status, answer["uid"]) == (201, "grafana-1")
    assert answer["unsupported"] == [
        {"panel": 7, "title": "Others", "parts": ["type news", "transformation extractFields"]}
    ]
    status, answer = await send(world, "POST", "/import", exported)
    assert (status, answer["field"]) == (409, "uid")
    status, answer = await send(world, "POST", "/import?overwrite=true", {"dashboard": exported})
    assert (status, answer["version"]) == (201, 2)
    status, given = await send(world, "GET", "/grafana-1/grafana")
    assert (status, given["panels"][0]["type"]) == (200, "news")


async def test_shipped_dashboard_is_read_and_copied_but_not_changed(world: World) -> None:
    _, listed = await send(world, "GET", "")
    shipped = {one["uid"] for one in listed if one["shipped"]}
    assert {"node", "prometheus", "redshank", "api-traffic"} <= shipped
    status, found = await send(world, "GET", "/node")
    assert (status, found["shipped"]) == (200, True)
    change = {"version": 1, "dashboard": {"title": "x"}}
    assert (await send(world, "PUT", "/node", change))[0] == 409
    assert (await send(world, "DELETE", "/node"))[0] == 409
    # An import cannot take its place either.
    status, answer = await send(
        world, "POST", "/import?overwrite=true", {"uid": "node", "title": "x"}
    )
    assert (status, answer["field"]) == (409, "uid"), answer
    assert (await send(world, "POST", "/node/duplicate", {"title": "Mine"}))[0] == 201
    assert [one["version"] for one in (await send(world, "GET", "/node/versions"))[1]] == [1]


async def test_changes_are_in_the_audit_log(world: World) -> None:
    await make(world)
    await send(world, "PUT", "/load", {"version": 1, "dashboard": {"title": "Load"}})
    await send(world, "DELETE", "/load")
    answer = await world.client.get("/api/audit", headers=await world.bearer(Role.ADMIN))
    actions = [entry["action"] for entry in (await answer.json())["entries"]]
    assert {"dashboard.add", "dashboard.change", "dashboard.remove"} <= set(actions)
