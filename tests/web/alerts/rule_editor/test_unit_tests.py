import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pytest_aiohttp import AiohttpClient

from storage.api.accounts import Role
from tests.web.world import World, world_at
from web.alerts.rule_editor.unit_tests import EditedRuleTests, RuleTestForm
from web.http.errors import ConflictError

RULES = "groups: [{name: g, rules: [{alert: High, expr: m > 5, for: 2m}]}]"
TESTS = """tests:
- name: fires
  input_series: [{series: 'm{i="a"}', values: '1 9x9'}]
  alert_rule_test: [{eval_time: 5m, alertname: High, exp_alerts: [{exp_labels: {i: a}}]}]
"""
WRONG = TESTS.replace("i: a}", "i: b}")


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        yield world


async def post(world: World, body: dict[str, str], status: int = 200) -> Any:
    headers = await world.bearer(Role.EDITOR)
    answer = await world.client.post("/api/rules/test", json=body, headers=headers)
    assert answer.status == status, await answer.text()
    return await answer.json()


async def test_tests_of_the_edited_rules_pass_or_say_what_differs(world: World) -> None:
    found = await post(world, {"rules": RULES, "tests": TESTS})
    assert found == {"passed": True, "problem": "", "tests": [{"name": "fires", "failures": []}]}
    found = await post(world, {"rules": RULES, "tests": WRONG})
    assert not found["passed"]
    (failure,) = found["tests"][0]["failures"]
    assert "alertname: High, time: 5m" in failure
    assert 'i="b"' in failure


async def test_files_of_the_server_are_not_read(world: World, tmp_path: Path) -> None:
    text = "groups: [{name: hidden, rules: nonsense}]"
    await asyncio.to_thread((tmp_path / "secret.yml").write_text, text)
    tests = f"rule_files: ['{tmp_path}/*.yml']\n{TESTS}"
    assert (await post(world, {"rules": RULES, "tests": tests}))["passed"]


@pytest.mark.parametrize(
    ("rules", "tests", "field"),
    [
        (RULES, "nope: 1", "tests"),
        (RULES, TESTS.replace("9x9", "9x1000001"), "tests"),
        (RULES, TESTS.replace("9x9", "9x" + "9" * 18), "tests"),
        (RULES, TESTS.replace("5m", "5y"), "tests"),
        ("", TESTS, "rules"),
    ],
)
async def test_malformed_or_too_large_tests_name_the_field(
    world: World, rules: str, tests: str, field: str
) -> None:
    assert (await post(world, {"rules": rules, "tests": tests}, 400))["field"] == field


async def test_malformed_rules_fail_each_test_with_their_line(world: World) -> None:
    found = await post(world, {"rules": "groups: 1", "tests": TESTS})
    assert "rules:1: groups: must be a list" in found["tests"][0]["failures"][0]


async def test_one_run_at_a_time_and_the_next_after_it() -> None:
    tests = EditedRuleTests()
    form = RuleTestForm(rules=RULES, tests=TESTS)
    first = asyncio.create_task(tests.run(form))
    await asyncio.sleep(0)
    with pytest.raises(ConflictError):
        await tests.run(form)
    assert (await first)["passed"]
    assert (await tests.run(form))["passed"]


async def test_editor_shows_the_results_beside_the_texts(world: World) -> None:
    headers = await world.cookie(Role.EDITOR)
    for tests, shown in ((TESTS, "All unit tests pass"), (WRONG, "Unit tests fail")):
        given = {"rules": RULES, "tests": tests}
        answer = await world.client.post("/alert-rules/test", data=given, headers=headers)
        text = await answer.text()
        assert answer.status == 200, text
        assert shown in text
        assert "expr: m &gt; 5" in text
    answer = await world.client.post("/alert-rules/test", data={"rules": RULES}, headers=headers)
    assert answer.status == 400
    assert 'id="field-tests" name="tests"' in await answer.text()
