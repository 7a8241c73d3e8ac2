"""Maintenance windows: as JSON, on their pages, and what they do to alerts."""

import datetime as dt
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from pytest_aiohttp import AiohttpClient

from storage.api.accounts import Role
from tests.web.alerting_double import an_alert
from tests.web.service_doubles import NOW_MS
from tests.web.world import World, world_at
from web.alerts.maintenance_forms import MaintenanceForm, window_fields

NIGHT = {
    "title": "Backup",
    "matchers": 'instance="a:9100"',
    "time_zone": "Europe/Berlin",
    "from": "22:00",
    "to": "02:00",
    "weekdays": ["sat"],
}


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        yield world


def ms(text: str) -> int:
    return round(dt.datetime.fromisoformat(text).timestamp() * 1000)


async def call(world: World, method: str, path: str, body: Any = None, status: int = 200) -> Any:
    headers = await world.bearer(Role.EDITOR)
    answer = await world.client.request(
        method, f"/api/maintenance{path}", json=body, headers=headers
    )
    assert answer.status == status, await answer.text()
    return await answer.json() if status != 204 else None


@pytest.mark.parametrize(
    ("at", "is_open"),
    [
        ("2026-11-28T21:59+01:00", False),
        ("2026-11-28T22:00+01:00", True),
        ("2026-11-29T01:59+01:00", True),
        ("2026-11-29T02:00+01:00", False),
        ("2026-11-29T22:30+01:00", False),
        # In the night to summer time 02:00 is 03:00: the window ends with the jump.
        ("2026-03-29T01:59+01:00", True),
        ("2026-03-29T03:00+02:00", False),
    ],
)
def test_window_across_midnight_belongs_to_the_day_on_which_it_begins(
    at: str, is_open: bool
) -> None:
    silence = MaintenanceForm.model_validate(NIGHT).silence(0, "ann")
    assert silence.holds(ms(at)) is is_open


def test_window_is_described_as_it_was_made() -> None:
    fields = window_fields(MaintenanceForm.model_validate(NIGHT).silence(0, "ann"))
    assert {name: fields[name] for name in NIGHT} == NIGHT


def test_hosts_are_matched_by_their_instance() -> None:
    form = MaintenanceForm.model_validate(
        {"title": "x", "hosts": ["a.b:9100", "c:9100"], "from": "01:00", "to": "02:00"}
    )
    [matcher] = form.silence(0, "ann").matchers
    assert matcher.matches("a.b:9100")
    assert not matcher.matches("axb:9100")


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"from": "25:00"}, "from"),
        ({"from": None}, "to"),
        ({"from": None, "to": None}, "ends_ms"),
        ({"matchers": ""}, "matchers"),
        ({"matchers": "a b"}, "matchers"),
        ({"weekdays": ["someday"]}, "weekdays"),
        ({"days_of_month": [1, 7]}, "days_of_month"),
        ({"days_of_month": [9, 3], "to": "23:00"}, "days_of_month"),
        ({"title": " "}, "title"),
    ],
)
def test_invalid_window_names_the_field(more: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        MaintenanceForm.model_validate(NIGHT | more)


async def test_open_window_marks_alerts_and_no_list_of_silences_has_it(world: World) -> None:
    stored = await world.alerting.put(an_alert())
    body = {"title": "Move", "hosts": ["a:9100"], "ends_ms": NOW_MS + 3_600_000}
    made = await call(world, "POST", "", body, 201)
    assert (made["open"], made["changes_ms"]) == (True, NOW_MS + 3_600_000)
    text = await world.page("/alerts")
    assert "in maintenance" in text
    assert '<span class="tag">silenced</span>' not in text
    assert "It is in maintenance until" in await world.page(f"/alerts/{stored.id}")
    assert "No active silences" in await world.page("/silences")
    await call(world, "DELETE", f"/{made['id']}", None, 204)
    assert "It is in maintenance" not in await world.page(f"/alerts/{stored.id}")
    [ended] = (await call(world, "GET", ""))["windows"]
    assert (ended["state"], ended["open"], ended["changes_ms"]) == ("expired", False, None)


async def test_window_is_changed_in_place(world: World) -> None:
    made = await call(world, "POST", "", NIGHT, 201)
    changed = await call(world, "PUT", f"/{made['id']}", NIGHT | {"title": "Longer", "to": "03:00"})
    assert (changed["id"], changed["title"], changed["when"]["to"]) == (
        made["id"],
        "Longer",
        "03:00",
    )
    await call(world, "PUT", "/nothing", NIGHT, 404)


async def test_window_is_made_and_changed_on_its_pages(world: World) -> None:
    fields = {name: value for name, value in NIGHT.items() if isinstance(value, str)}
    headers = await world.cookie(Role.EDITOR)
    answer = await world.client.post(
        "/maintenance", data=fields | {"on_sat": "on"}, headers=headers, allow_redirects=False
    )
    assert answer.headers.get("Location") == "/maintenance?notice=put", await answer.text()
    text = await world.page("/maintenance")
    assert "Sat, 22:00 to 02:00" in text
    [window] = (await call(world, "GET", ""))["windows"]
    form = await world.page(f"/maintenance/{window['id']}/edit", role=Role.EDITOR)
    assert 'name="on_sat" checked' in form
    wrong = await world.client.post(
        "/maintenance", data=fields | {"from": "later"}, headers=headers
    )
    assert wrong.status == 400
    assert "write a time of day" in await wrong.text()
