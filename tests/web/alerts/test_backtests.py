"""Back-tests of rules: as JSON, on their page, and one at a time."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytest_aiohttp import AiohttpClient

from alerting.simulation.memory_samples import MemorySamples
from model.labels import Labels
from storage.api.accounts import Role
from tests.web.service_doubles import NOW_MS
from tests.web.world import World, world_at
from web.alerts.backtests import BacktestForm, RuleBacktests
from web.http.errors import ConflictError

ALWAYS = "groups: [{name: g, rules: [{alert: Always, expr: vector(1), for: 2m}]}]"


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        yield world


async def post(
    world: World, body: dict[str, str], status: int = 200, role: Role = Role.EDITOR
) -> Any:
    headers = await world.bearer(role)
    answer = await world.client.post("/api/rules/backtest", json=body, headers=headers)
    assert answer.status == status, await answer.text()
    return await answer.json()


async def test_backtest_says_when_rules_fire_and_stores_nothing(world: World) -> None:
    found = await post(world, {"rules": ALWAYS, "since": "1h"})
    assert (found["start_ms"], found["end_ms"]) == (NOW_MS - 3_600_000, NOW_MS)
    [rule] = found["rules"]
    [alert] = rule["alerts"]
    assert (rule["name"], rule["fired"], rule["problem"]) == ("Always", 1, "")
    assert alert["labels"] == {"alertname": "Always"}
    assert alert["fired_ms"] - alert["active_ms"] == 120_000
    assert alert["resolved_ms"] is None
    assert world.alerting.open_alerts() == ()


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"rules": "groups: [{name: g, rules: [{alert: A, expr: 'up =='}]}]"}, "parse error"),
        ({"rules": ALWAYS, "since": "10y", "interval": "1s"}, "evaluations of rules in 10y exceed"),
        ({"rules": ALWAYS, "since": "soon"}, "since"),
        ({"rules": ""}, "rules"),
        ({"rules": ALWAYS, "interval": "1ms"}, "interval"),
    ],
)
async def test_bad_or_too_large_backtest_names_the_field(
    world: World, body: dict[str, str], problem: str
) -> None:
    found = await post(world, body, 400)
    assert problem in str(found)


async def test_viewers_may_not_run_backtests(world: World) -> None:
    await post(world, {"rules": ALWAYS}, 403, Role.VIEWER)


async def test_one_backtest_runs_at_a_time_and_the_next_may_run_after_it() -> None:
    store = MemorySamples()
    store.load([(Labels.of(__name__="m"), np.array([1.0, 9.0, 1.0]))], NOW_MS - 120_000, 60_000)
    backtests = RuleBacktests(store, lambda: NOW_MS)
    rules = ALWAYS.replace("vector(1), for: 2m", "m > 5")
    form = BacktestForm.model_validate({"rules": rules, "since": "1h"})
    first = asyncio.create_task(backtests.run(form))
    await asyncio.sleep(0)
    with pytest.raises(ConflictError):
        await backtests.run(form)
    found = await first
    assert found["rules"][0]["fired"] == 1
    assert (await backtests.run(form))["rules"] == found["rules"]


async def test_page_of_rules_leads_to_a_backtest_of_each_rule(world: World) -> None:
    text = await world.page("/alert-rules")
    assert "HostHighCpu" in text
    assert "/alert-rules/backtest?group=0&amp;rule=0" in text
    assert "Back-test" not in await world.page("/alert-rules", role=Role.VIEWER)
    form = await world.page("/alert-rules/backtest?group=0&rule=0")
    assert "alert: HostDown" in form
    assert "alert: HighLoad" in await world.page("/alert-rules/backtest?group=x")


async def test_form_shows_the_result_or_what_is_wrong(world: World) -> None:
    headers = await world.cookie(Role.EDITOR)
    headers["Origin"] = str(world.client.make_url("/")).rstrip("/")
    for given, status, shown in (
        ({"rules": ALWAYS, "since": "1h"}, 200, "Fires 1 time"),
        ({"rules": ALWAYS.replace("vector(1)", "vector(1) > 2")}, 200, "Never fires."),
        ({"rules": "groups: 1"}, 400, "must be a list"),
        ({"rules": ALWAYS, "since": "x"}, 400, "is not a duration"),
    ):
        answer = await world.client.post("/alert-rules/backtest", data=given, headers=headers)
        text = await answer.text()
        assert answer.status == status, text
        assert shown in text


async def test_empty_form_says_what_is_missing(world: World) -> None:
    headers = await world.cookie(Role.EDITOR)
    answer = await world.client.post("/alert-rules/backtest", data={}, headers=headers)
    assert answer.status == 400
    assert 'aria-invalid="true"' in await answer.text()
