"""The API of stored rule groups."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pytest_aiohttp import AiohttpClient

from storage.api.accounts import Role
from tests.web.service_doubles import NOW_MS
from tests.web.world import World, world_at

RULE = {"alert": "Load", "expr": "node_load5 > 4", "for": "10m", "labels": {"severity": "warning"}}
GROUP = {"name": "mine", "interval": "1m", "limit": 5, "labels": {"team": "a"}, "rules": [RULE]}
FILE = """groups:
- name: mine
  rules: [{record: a, expr: '1'}]
- name: yours
  query_offset: 0s
  rules:
  - alert: A
    expr: up == 0
"""
GROUPS = "/api/rules/groups"


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        yield world


async def ask(
    world: World,
    method: str,
    path: str,
    body: object = None,
    status: int = 200,
    role: Role = Role.EDITOR,
) -> Any:
    headers = await world.bearer(role)
    answer = await world.client.request(method, path, json=body, headers=headers)
    assert answer.status == status, await answer.text()
    return await answer.json() if answer.content_type == "application/json" else await answer.text()


async def test_group_is_made_read_changed_and_deleted(world: World) -> None:
    added = await ask(world, "POST", GROUPS, {"group": GROUP}, 201)
    assert added == {
        "id": 1,
        "name": "mine",
        "version": 1,
        "author": "the-editor",
        "created_ms": NOW_MS,
        "changed_ms": NOW_MS,
        "problem": "",
        "group": GROUP,
    }
    assert [each.name for each in world.alerting.groups] == ["mine"]
    assert await ask(world, "GET", f"{GROUPS}/1", role=Role.VIEWER) == added
    (entry,) = await ask(world, "GET", GROUPS, role=Role.VIEWER)
    assert entry == {key: value for key, value in added.items() if key != "group"}

    higher = {**GROUP, "rules": [{**RULE, "expr": "node_load5 > 8"}]}
    changed = await ask(world, "PUT", f"{GROUPS}/1", {"version": 1, "group": higher})
    assert (changed["version"], changed["group"]) == (2, higher)
    (running,) = world.alerting.groups
    assert running.rules[0].query == "node_load5 > 8"

    await ask(world, "DELETE", f"{GROUPS}/1?version=1", status=409)
    await ask(world, "DELETE", f"{GROUPS}/1?version=2", status=204)
    assert world.alerting.groups == ()
    await ask(world, "GET", f"{GROUPS}/1", status=404)


async def test_change_of_an_older_version_is_refused_and_changes_nothing(world: World) -> None:
    await ask(world, "POST", GROUPS, {"group": GROUP}, 201)
    await ask(world, "PUT", f"{GROUPS}/1", {"version": 1, "group": GROUP})
    other = {**GROUP, "name": "other"}
    refused = await ask(world, "PUT", f"{GROUPS}/1", {"version": 1, "group": other}, 409)
    assert refused["field"] == "version"
    assert (await ask(world, "GET", f"{GROUPS}/1"))["name"] == "mine"


async def test_name_of_another_group_is_refused(world: World) -> None:
    await ask(world, "POST", GROUPS, {"group": GROUP}, 201)
    assert (await ask(world, "POST", GROUPS, {"group": GROUP}, 409))["field"] == "name"
    await ask(world, "POST", GROUPS, {"group": {**GROUP, "name": "b"}}, 201)
    await ask(world, "PUT", f"{GROUPS}/2", {"version": 1, "group": GROUP}, 409)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"interval": "soon"}, "group.interval"),
        ({"interval": 60}, "group.interval"),
        ({"rules": [{**RULE, "expr": "up =="}]}, "group.rules.0.expr"),
        ({"rules": [{**RULE, "for": "1 day"}]}, "group.rules.0.for"),
        ({"rules": [{**RULE, "severity": "x"}]}, "group.rules.0.severity"),
        ({"rules": [{**RULE, "labels": {"a": "{{ nope }}"}}]}, "group.rules.0.labels.a"),
        ({"rules": [{**RULE, "record": "a"}]}, "group.rules.0"),
        ({"name": ""}, "group.name"),
        ({"name": "x" * 201}, "group"),
        ({"labels": {"__name__": "x"}}, "group.labels.__name__"),
    ],
)
async def test_problem_names_the_field_and_leaves_the_running_rules(
    world: World, change: dict[str, Any], field: str
) -> None:
    await ask(world, "POST", GROUPS, {"group": GROUP}, 201)
    running = world.alerting.groups
    refused = await ask(world, "PUT", f"{GROUPS}/1", {"version": 1, "group": GROUP | change}, 400)
    assert refused["field"] == field
    assert world.alerting.groups is running
    assert (await ask(world, "GET", f"{GROUPS}/1"))["version"] == 1


async def test_viewer_changes_nothing(world: World) -> None:
    for method, path in (
        ("POST", GROUPS),
        ("PUT", f"{GROUPS}/1"),
        ("DELETE", f"{GROUPS}/1"),
        ("POST", "/api/rules/import"),
    ):
        await ask(world, method, path, {}, 403, Role.VIEWER)


async def test_rule_file_is_imported_as_a_whole_and_exported(world: World) -> None:
    stored = await ask(world, "POST", "/api/rules/import", {"rules": FILE}, 201)
    assert [each["name"] for each in stored] == ["mine", "yours"]
    assert await ask(world, "GET", "/api/rules/export", role=Role.VIEWER) == (
        "groups:\n- name: mine\n  rules:\n  - record: a\n    expr: 1\n"
        "- name: yours\n  query_offset: 0s\n  rules:\n  - alert: A\n    expr: up == 0\n"
    )
    refused = await ask(world, "POST", "/api/rules/import", {"rules": FILE}, 409)
    assert refused["field"] == "name"
    body = {"rules": FILE, "overwrite": True}
    again = await ask(world, "POST", "/api/rules/import", body, 201)
    assert [(each["id"], each["version"]) for each in again] == [(1, 2), (2, 2)]


async def test_rule_file_is_sent_as_it_is(world: World) -> None:
    headers = await world.bearer(Role.EDITOR) | {"Content-Type": "application/yaml"}
    for query, status in (("", 201), ("", 409), ("?overwrite=true", 201)):
        path = f"/api/rules/import{query}"
        answer = await world.client.post(path, data=FILE.encode(), headers=headers)
        assert answer.status == status, await answer.text()
    answer = await world.client.post("/api/rules/import", data=b"\xff", headers=headers)
    assert (answer.status, (await answer.json())["field"]) == (400, "rules")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (FILE.replace("up == 0", "up =="), "rules:8: group 'yours', rule 1 (A): expr"),
        (FILE.replace("alert: A", "alert: A\n    fro: 1m"), "rules:8: group 'yours', rule 1"),
        ("groups: 1", "rules:1: groups: must be a list"),
        ("groups: []", "rules: the file has no group"),
    ],
)
async def test_problem_of_a_rule_file_names_the_line_and_stores_nothing(
    world: World, text: str, problem: str
) -> None:
    refused = await ask(world, "POST", "/api/rules/import", {"rules": text}, 400)
    assert problem in refused["error"]
    assert refused["field"] == "rules"
    assert await ask(world, "GET", GROUPS) == []


async def test_download_of_a_group_is_named_after_it(world: World) -> None:
    group = {**GROUP, "name": "Büro/§1: load"}
    await ask(world, "POST", GROUPS, {"group": group}, 201)
    headers = await world.bearer(Role.VIEWER)
    answer = await world.client.get(f"{GROUPS}/1/export", headers=headers)
    assert answer.headers["Content-Disposition"] == 'attachment; filename="B-ro-1-load.yml"'
    assert answer.content_type == "application/yaml"
    assert "name: 'Büro/§1: load'" in await answer.text()


async def test_changes_are_in_the_audit_log(world: World) -> None:
    await ask(world, "POST", GROUPS, {"group": GROUP}, 201)
    await ask(world, "PUT", f"{GROUPS}/1", {"version": 1, "group": GROUP})
    await ask(world, "POST", "/api/rules/import", {"rules": FILE, "overwrite": True}, 201)
    await ask(world, "DELETE", f"{GROUPS}/2", status=204)
    entries = await world.services.audit.entries(10)
    assert [(each.action, each.subject) for each in entries][::-1] == [
        ("rule_group.add", "mine"),
        ("rule_group.change", "mine"),
        ("rule_group.import", "mine"),
        ("rule_group.import", "yours"),
        ("rule_group.remove", "yours"),
    ]


async def test_server_without_stored_rules_says_where_rules_belong(
    tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    async with world_at(tmp_path, aiohttp_client, managed_rules=None) as world:
        refused = await ask(world, "GET", GROUPS, status=409)
        assert "rule file" in refused["error"]
        assert "/alert-rules/save" not in await world.page(
            "/alert-rules/backtest", role=Role.EDITOR
        )
