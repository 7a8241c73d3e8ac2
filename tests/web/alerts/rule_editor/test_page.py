"""The rule editor and the list of rules, as far as they store rules."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pytest_aiohttp import AiohttpClient

from storage.api.accounts import Role
from storage.api.rules.stored_groups import RuleGroupContent
from tests.web.world import World, opened_records, world_at

RULES = "groups: [{name: mine, rules: [{alert: High, expr: m > 5}]}]"


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        yield world


async def send(world: World, path: str, form: dict[str, str], status: int) -> tuple[str, str]:
    """Send a form; return where the answer leads, and its text."""
    headers = await world.cookie(Role.EDITOR)
    answer = await world.client.post(path, data=form, headers=headers, allow_redirects=False)
    text = await answer.text()
    assert answer.status == status, text
    return answer.headers.get("Location", ""), text


async def test_saved_rules_are_listed_as_stored_and_open_in_the_editor(world: World) -> None:
    target, _ = await send(world, "/alert-rules/save", {"rules": RULES}, 303)
    assert target == "/alert-rules?notice=rules-stored#stored-1"
    text = await world.page("/alert-rules?notice=rules-stored", role=Role.EDITOR)
    assert "The rules are stored, and evaluated from now on." in text
    assert 'id="stored-1"' in text
    assert "version 1 by <bdi>the-editor</bdi>" in re.sub(r"\s+", " ", text)
    assert 'href="/api/rules/groups/1/export"' in text
    editor = await world.page("/alert-rules/backtest?stored=1", role=Role.EDITOR)
    assert 'name="stored" value="1"' in editor
    assert "expr: m &gt; 5" in editor


async def test_viewer_sees_where_groups_come_from_and_no_buttons(world: World) -> None:
    await send(world, "/alert-rules/save", {"rules": RULES}, 303)
    text = await world.page("/alert-rules", role=Role.VIEWER)
    assert "stored here" in text
    assert "built in" in text
    assert "Download" in text
    assert "Edit mine" not in text
    assert "Delete" not in text


async def test_saved_change_replaces_the_group(world: World) -> None:
    await send(world, "/alert-rules/save", {"rules": RULES}, 303)
    form = {"rules": RULES.replace("5", "6"), "stored": "1", "version": "1"}
    await send(world, "/alert-rules/save", form, 303)
    (running,) = world.alerting.groups
    assert running.rules[0].query == "m > 6"
    _, text = await send(world, "/alert-rules/save", form, 409)
    assert "<bdi>the-editor</bdi> has stored version 2 meanwhile" in text
    # The text of the reader is not lost.
    assert "m &gt; 6" in text


@pytest.mark.parametrize(
    ("rules", "status", "problem"),
    [
        ("groups: 1", 400, "rules:1: groups: must be a list"),
        (RULES.replace("> 5", ">"), 400, "parse error"),
        ("groups: []", 400, "the file has no group"),
        ("", 400, 'aria-invalid="true"'),
        (RULES, 409, "a stored group has the name &#39;mine&#39;"),
    ],
)
async def test_problem_is_shown_beside_the_text(
    world: World, rules: str, status: int, problem: str
) -> None:
    await send(world, "/alert-rules/save", {"rules": RULES}, 303)
    _, text = await send(world, "/alert-rules/save", {"rules": rules}, status)
    assert problem in text
    assert "data-wrong" in text


async def test_edited_group_stays_one_group(world: World) -> None:
    await send(world, "/alert-rules/save", {"rules": RULES}, 303)
    two = "groups: [{name: a}, {name: b}]"
    form = {"rules": two, "stored": "1", "version": "1"}
    _, text = await send(world, "/alert-rules/save", form, 400)
    assert "the file of a stored group has one group, not 2" in text


async def test_group_is_deleted_in_the_shown_version_only(world: World) -> None:
    await send(world, "/alert-rules/save", {"rules": RULES}, 303)
    remove = "/alert-rules/groups/1/remove"
    await send(world, remove, {"version": "2"}, 409)
    target, _ = await send(world, remove, {"version": "1"}, 303)
    assert target == "/alert-rules?notice=rules-removed"
    assert world.alerting.groups == ()
    await send(world, remove, {"version": "1"}, 404)


@pytest.mark.parametrize("number", ["7", "x", "99999999999999999999"])
async def test_unknown_stored_group_is_not_found(world: World, number: str) -> None:
    headers = await world.cookie(Role.EDITOR)
    path = f"/alert-rules/backtest?stored={number}"
    assert (await world.client.get(path, headers=headers)).status == 404


async def test_group_that_is_not_evaluated_is_listed_with_its_problem(
    tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    broken = '{"name": "old", "rules": [{"alert": "A", "expr": "gone("}]}'
    async with opened_records(tmp_path) as records:
        await records.rule_groups.add([RuleGroupContent("old", broken)], "eve", 1)
    async with world_at(tmp_path, aiohttp_client) as world:
        await send(world, "/alert-rules/save", {"rules": RULES}, 303)
        text = await world.page("/alert-rules", role=Role.EDITOR)
        assert "This group is not evaluated: group &#39;old&#39;, rule 1 (A): expr:" in text
        assert 'action="/alert-rules/groups/1/remove"' in text
        assert [each.name for each in world.alerting.groups] == ["mine"]
