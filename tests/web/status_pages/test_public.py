"""The public page: states, bars with gaps, incidents, feeds, badges; nothing else leaks."""

import asyncio
import re
import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytest_aiohttp import AiohttpClient

from model.labels import Labels
from model.series import AlignedSeries
from model.targets import Health, Target, TargetStatus
from promql.engine import LocalEngine
from storage.api.accounts import Role
from tests.web.service_doubles import NOW_MS, MemorySamples, target_status
from tests.web.world import World, world_at
from web.status_pages.on_demand import STATUS_PAGES

MINUTE_MS = 60_000
DAY_MS = 86_400_000
HOSTILE = "<script>alert(1)</script>\u202eevil\u200b"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)

_TARGET = Labels.of(job="probe", instance="http://10.0.0.7:8080/internal", probe="secret-name")
PAGE: dict[str, Any] = {
    "slug": "acme",
    "title": "Acme status",
    "description": "What we run.",
    "groups": [
        {
            "name": "Shop",
            "components": [
                {
                    "id": "shop",
                    "name": "Shop front",
                    "kind": "probe",
                    "probe": "secret-name",
                    "show_response": True,
                },
                {"id": "db", "name": "Database", "kind": "query", "expression": "db_ok # note"},
            ],
        }
    ],
}


def series(name: str, labels: Labels, points: list[tuple[int, float]]) -> AlignedSeries:
    """Return one series with samples at the given times."""
    whole = Labels.of({**dict(labels), "__name__": name})
    times = np.array([time_ms for time_ms, _ in points], np.int64)
    return AlignedSeries.of_source([whole], times, np.array([[value for _, value in points]]))


def minutes(first_ms: int, last_ms: int, value: float) -> list[tuple[int, float]]:
    """Return a sample a minute."""
    return [(time_ms, value) for time_ms in range(first_ms, last_ms, MINUTE_MS)]


@pytest.fixture
def samples() -> MemorySamples:
    return MemorySamples()


@pytest.fixture
async def world(
    tmp_path: Path, aiohttp_client: AiohttpClient, samples: MemorySamples
) -> AsyncIterator[World]:
    engine = LocalEngine(samples)
    async with world_at(tmp_path, aiohttp_client, other_engine=engine) as world:
        target = Target("http://10.0.0.7:8080/internal", _TARGET, 60.0, 10.0)
        world.statuses.append(TargetStatus(target, Health.UP, "", NOW_MS, NOW_MS, 0.1, 9, NOW_MS))
        yield world
    await engine.close()


@pytest.fixture
async def editor(world: World) -> dict[str, str]:
    return await world.bearer(Role.EDITOR)


async def made(world: World, editor: dict[str, str], **changes: Any) -> None:
    """Make the page."""
    answer = await world.client.post("/api/status-pages", json=PAGE | changes, headers=editor)
    assert answer.status == 201, await answer.text()


async def shown(world: World) -> dict[str, Any]:
    """Return the public data of the page."""
    answer = await world.client.get("/status/acme.json")
    assert answer.status == 200
    found: dict[str, Any] = await answer.json()
    return found


async def test_states_bars_and_response_times_come_from_samples(
    world: World, editor: dict[str, str], samples: MemorySamples
) -> None:
    midnight_ms = NOW_MS - NOW_MS % DAY_MS
    up = minutes(midnight_ms - DAY_MS, midnight_ms - DAY_MS // 2, 1.0)
    down = minutes(midnight_ms - DAY_MS // 2, midnight_ms - DAY_MS // 4, 0.0)
    today = minutes(NOW_MS - 10 * MINUTE_MS, NOW_MS + 1, 1.0)
    samples.stored += [
        series("probe_success", _TARGET, up + down + today),
        series("probe_duration_seconds", _TARGET, minutes(NOW_MS - 3_600_000, NOW_MS, 0.25)),
        series("db_ok", Labels(), [(NOW_MS, 0.5)]),
    ]
    await made(world, editor)
    await (await world.client.app[STATUS_PAGES].upkeep()).look()
    status = await shown(world)
    assert status["state"] == "degraded"
    shop, database = status["groups"][0]["components"]
    assert (shop["state"], database["state"]) == ("operational", "degraded")
    yesterday, now = shop["days"][-2:]
    assert yesterday["state"] == "down"
    # A sample counts for two intervals: then nothing is known.
    assert yesterday["known_s"] == pytest.approx(0.75 * 86_400, abs=180)
    assert yesterday["uptime"] == pytest.approx(2 / 3, abs=0.01)
    assert now["known_s"] == pytest.approx(660, abs=60)
    assert shop["days"][0]["state"] == "no_data"
    assert shop["response_p50_s"][-1] == pytest.approx(0.25)
    assert shop["response_p50_s"][0] is None


async def test_a_crowd_of_visitors_costs_one_computation(
    world: World, editor: dict[str, str], samples: MemorySamples, monkeypatch: pytest.MonkeyPatch
) -> None:
    await made(world, editor)
    counted: list[str] = []
    instant = LocalEngine.instant

    async def counting(self: LocalEngine, query: str, *rest: Any, **named: Any) -> Any:
        counted.append(query)
        return await instant(self, query, *rest, **named)

    monkeypatch.setattr(LocalEngine, "instant", counting)
    await asyncio.gather(*[world.client.get("/status/acme") for _ in range(20)])
    assert len(counted) <= 2
    world.now[0] += 5_000
    await world.client.get("/status/acme")
    assert len(counted) <= 4


async def test_nothing_but_what_the_page_chooses_is_public(
    world: World, editor: dict[str, str], samples: MemorySamples
) -> None:
    samples.stored.append(series("probe_success", _TARGET, [(NOW_MS, 0.0)]))
    await made(world, editor)
    opened = {"title": "Shop is slow", "text": "We look.", "components": ["shop"]}
    await world.client.post("/api/status-pages/acme/incidents", json=opened, headers=editor)
    for path in ("", ".json", "/feed.atom", "/feed.rss", "/accent.css", "/badge/status.svg"):
        answer = await world.client.get(f"/status/acme{path}")
        assert answer.status == 200
        text = await answer.text()
        for secret in ("10.0.0.7", "secret-name", "the-editor", "db_ok", "internal"):
            assert secret not in text, path


async def test_hostile_names_are_text_everywhere(world: World, editor: dict[str, str]) -> None:
    groups = [
        {
            "name": HOSTILE,
            "components": [
                {"id": "a", "name": HOSTILE, "kind": "query", "expression": "up"},
            ],
        }
    ]
    await made(world, editor, title=HOSTILE, description=HOSTILE, groups=groups)
    incident = {"title": HOSTILE, "text": HOSTILE + "\x00\x0b]]>", "components": ["a"]}
    await world.client.post("/api/status-pages/acme/incidents", json=incident, headers=editor)
    page = await (await world.client.get("/status/acme")).text()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
    for feed in ("atom", "rss"):
        body = await (await world.client.get(f"/status/acme/feed.{feed}")).read()
        assert HOSTILE in "".join(ET.fromstring(body).itertext())
    for badge in ("badge/status", "badge/a/status", "badge/a/uptime", "badge/a/response"):
        answer = await world.client.get(f"/status/acme/{badge}.svg")
        assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
        ET.fromstring(await answer.read())
    editing = await world.client.get("/status-pages/acme", headers=await world.cookie())
    assert "<script>alert" not in await editing.text()


async def test_incidents_are_opened_updated_and_resolved(
    world: World, editor: dict[str, str]
) -> None:
    await made(world, editor)
    base = "/api/status-pages/acme/incidents"
    opened = {"title": "Outage", "text": "We look.", "components": ["shop"], "impact": "critical"}
    answer = await world.client.post(base, json=opened, headers=editor)
    number = (await answer.json())["id"]
    assert (await shown(world))["incidents"][0]["state"] == "investigating"
    for state in ("identified", "monitoring", "resolved"):
        world.now[0] += MINUTE_MS
        update = {"state": state, "text": f"Now {state}."}
        await world.client.post(f"{base}/{number}/updates", json=update, headers=editor)
    (incident,) = (await shown(world))["incidents"]
    assert [each["state"] for each in incident["updates"]] == [
        "resolved",
        "monitoring",
        "identified",
        "investigating",
    ]
    assert incident["resolved_ms"] == NOW_MS + 3 * MINUTE_MS
    unknown = opened | {"components": ["nothing"]}
    assert (await world.client.post(base, json=unknown, headers=editor)).status == 400
    assert (await world.client.delete(f"{base}/{number}", headers=editor)).status == 204
    assert (await shown(world))["incidents"] == []


async def test_an_automatic_incident_opens_and_ends_with_the_outage(
    world: World, editor: dict[str, str], samples: MemorySamples
) -> None:
    samples.stored.append(series("probe_success", _TARGET, [(NOW_MS, 0.0)]))
    await made(world, editor, automatic_incidents=True)
    upkeep = await world.client.app[STATUS_PAGES].upkeep()
    await upkeep.look()
    assert (await shown(world))["incidents"] == []
    await upkeep.look()
    await upkeep.look()
    (incident,) = (await shown(world))["incidents"]
    assert (incident["title"], incident["components"]) == ("Shop front is down", ["Shop front"])
    world.now[0] += MINUTE_MS
    samples.stored[0] = series("probe_success", _TARGET, [(world.now[0], 1.0)])
    await upkeep.look()
    (incident,) = (await shown(world))["incidents"]
    assert incident["state"] == "resolved"


async def test_maintenance_that_the_page_chooses_is_shown_and_counted(
    world: World, editor: dict[str, str], samples: MemorySamples
) -> None:
    samples.stored.append(series("probe_success", _TARGET, [(NOW_MS, 0.0)]))
    window = {
        "title": "db-1 rack move",
        "hosts": ["db-1:9100"],
        "starts_ms": NOW_MS,
        "ends_ms": NOW_MS + 3_600_000,
    }
    answer = await world.client.post("/api/maintenance", json=window, headers=editor)
    planned = {"window": (await answer.json())["id"], "title": "Upgrade", "components": ["shop"]}
    await made(world, editor, maintenance=[planned])
    status = await shown(world)
    assert status["maintenance"] == [
        {
            "title": "Upgrade",
            "components": ["Shop front"],
            "open": True,
            "changes_ms": NOW_MS + 3_600_000,
        }
    ]
    assert status["groups"][0]["components"][0]["state"] == "maintenance"
    assert "rack" not in await (await world.client.get("/status/acme")).text()
    form = await world.page("/status-pages/acme")
    box = f'name="maintains_{planned["window"]}_'
    assert f'{box}shop" checked> <bdi>Shop front</bdi>' in form
    assert f'{box}db"> <bdi>Database</bdi>' in form


async def test_a_page_that_is_not_published_does_not_exist(
    world: World, editor: dict[str, str]
) -> None:
    await made(world, editor, published=False)
    assert (await world.client.get("/status/acme")).status == 404
    assert (await world.client.get("/status/acme/badge/status.svg")).status == 404


async def test_a_domain_shows_its_page_and_nothing_else(
    world: World, editor: dict[str, str]
) -> None:
    await made(world, editor, domain="status.example.com")
    headers = {"Host": "status.example.com:443"}
    first = await world.client.get("/", headers=headers, allow_redirects=False)
    assert (first.status, first.headers["Location"]) == (302, "/status/acme")
    assert (await world.client.get("/status/acme", headers=headers)).status == 200
    for path in ("/login", "/api/hosts", "/metrics", "/status/other", "/status/acme-2"):
        assert (await world.client.get(path, headers=headers | editor)).status == 404
    other = PAGE | {"slug": "other", "domain": "status.example.com"}
    taken = await world.client.post("/api/status-pages", json=other, headers=editor)
    assert taken.status == 409


async def test_logos_are_small_images_and_never_svg(world: World, editor: dict[str, str]) -> None:
    await made(world, editor)
    path = "/api/status-pages/acme/logo"
    svg = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
    refused = await world.client.put(path, data=svg, headers=editor)
    assert refused.status == 400
    assert "SVG" in (await refused.json())["error"]
    large = await world.client.put(path, data=PNG + bytes(300_000), headers=editor)
    assert large.status == 413
    assert (await world.client.put(path, data=PNG, headers=editor)).status == 204
    logo = await world.client.get("/status/acme/logo")
    assert (logo.content_type, await logo.read()) == ("image/png", PNG)
    assert 'src="/status/acme/logo"' in await (await world.client.get("/status/acme")).text()
    assert (await world.client.delete(path, headers=editor)).status == 204
    assert (await world.client.get("/status/acme/logo")).status == 404


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"slug": "No Slug"}, "slug"),
        ({"slug": "new"}, "slug"),
        ({"accent": "red"}, "accent"),
        ({"domain": "http://x"}, "domain"),
        ({"time_zone": "Mars/Base"}, "time_zone"),
        ({"groups": [{"components": [{"id": "a", "name": "A", "kind": "query"}]}]}, "expression"),
        (
            {
                "groups": [
                    {"components": [{"id": "a", "name": "A", "kind": "query", "expression": "up("}]}
                ]
            },
            "expression",
        ),
    ],
)
async def test_a_wrong_field_is_named(
    world: World, editor: dict[str, str], changes: dict[str, Any], field: str
) -> None:
    answer = await world.client.post("/api/status-pages", json=PAGE | changes, headers=editor)
    assert answer.status == 400
    assert field in await answer.text()


async def test_the_form_offers_hosts_while_there_is_no_probe(
    world: World, editor: dict[str, str]
) -> None:
    session = await world.cookie(Role.EDITOR)
    world.statuses.append(target_status("web-1", "10.0.0.1:9100"))
    text = await (await world.client.get("/status-pages/new", headers=session)).text()
    assert 'value="host" selected' in text
    assert 'list="known-probes"' not in text
    probe = {"name": "shop", "kind": "tcp", "target": "127.0.0.1:9"}
    assert (await world.client.post("/api/probes", json=probe, headers=editor)).status == 201
    text = await (await world.client.get("/status-pages/new", headers=session)).text()
    assert 'value="probe" selected' in text
    assert 'list="known-hosts"' not in text


async def test_the_form_makes_a_page_and_keeps_the_ids_of_components(world: World) -> None:
    session = await world.cookie(Role.EDITOR)
    fields = {
        "title": "Acme",
        "slug": "acme",
        "published": "on",
        "accent": "#112233",
        "time_zone": "Europe/Berlin",
        "c0_name": "Söp & Co",
        "c0_kind": "query",
        "c0_reference": "vector(1)",
        "c1_name": "",
    }
    answer = await world.client.post("/status-pages/new", data=fields, headers=session)
    assert "The status page is stored" in await answer.text()
    (component,) = (await shown(world))["groups"][0]["components"]
    assert (component["id"], component["state"]) == ("sop-co", "operational")
    renamed = fields | {"c0_id": "sop-co", "c0_name": "Soap"}
    await world.client.post("/status-pages/acme", data=renamed, headers=session)
    (component,) = (await shown(world))["groups"][0]["components"]
    assert (component["id"], component["name"]) == ("sop-co", "Soap")
    wrong = await world.client.post(
        "/status-pages/acme", data=fields | {"c0_reference": "up("}, headers=session
    )
    assert wrong.status == 400
    text = await wrong.text()
    assert "parse error" in text
    assert 'value="up("' in text
    opened = {"title": "Late", "text": "We look", "impact": "minor", "affects_sop-co": "on"}
    await world.client.post("/status-pages/acme/incidents", data=opened, headers=session)
    (incident,) = (await shown(world))["incidents"]
    update = {"state": "resolved", "text": "Done"}
    path = f"/status-pages/acme/incidents/{incident['id']}"
    await world.client.post(path, data=update, headers=session)
    assert (await shown(world))["incidents"][0]["state"] == "resolved"
    await world.client.post("/status-pages/acme/delete", headers=session)
    assert (await world.client.get("/status/acme")).status == 404


HOST_COMPONENT: dict[str, Any] = {"id": "web", "name": "Web", "kind": "host", "host": "web-1"}


def page_with(component: dict[str, Any]) -> dict[str, Any]:
    """Return a page whose second component is the given one."""
    query = {"id": "one", "name": "One", "kind": "query", "expression": "vector(1)"}
    return PAGE | {"groups": [{"name": "All", "components": [query, component]}]}


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"kind": "host", "host": "wep-1"}, "host", "no host has the instance “wep-1”"),
        ({"kind": "check", "host": "wep-1"}, "host", "no host has the instance “wep-1”"),
        ({"kind": "probe", "probe": "shpo"}, "probe", "there is no probe “shpo”"),
    ],
)
async def test_a_probe_or_host_that_does_not_exist_is_refused_with_its_field(
    world: World, editor: dict[str, str], changes: dict[str, str], field: str, message: str
) -> None:
    page = page_with({"id": "web", "name": "Web", **changes})
    path = f"groups.0.components.1.{field}"
    answer = await world.client.post("/api/status-pages", json=page, headers=editor)
    found = await answer.json()
    assert (answer.status, found["field"]) == (400, path)
    assert found["error"].startswith(f"{path}: {message}; choose one of the page ")
    assert (await world.client.get("/status/acme.json")).status == 404
    # A change of a page is checked as well.
    await made(world, editor)
    answer = await world.client.put("/api/status-pages/acme", json=page, headers=editor)
    assert (answer.status, (await answer.json())["field"]) == (400, path)


async def test_a_maintenance_window_that_does_not_exist_is_refused_with_its_field(
    world: World, editor: dict[str, str]
) -> None:
    window = {
        "title": "db-1 rack move",
        "hosts": ["db-1:9100"],
        "starts_ms": NOW_MS,
        "ends_ms": NOW_MS + 60 * MINUTE_MS,
    }
    answer = await world.client.post("/api/maintenance", json=window, headers=editor)
    opened = (await answer.json())["id"]
    planned = [{"window": opened, "title": "Upgrade"}, {"window": "no-such", "title": "Move"}]
    wrong = PAGE | {"maintenance": planned}
    expected = "maintenance.1.window: there is no maintenance window with the id “no-such”"
    answer = await world.client.post("/api/status-pages", json=wrong, headers=editor)
    found = await answer.json()
    assert (answer.status, found["field"]) == (400, "maintenance.1.window")
    assert found["error"].startswith(f"{expected}; choose one of the page Maintenance")
    right = PAGE | {"maintenance": planned[:1]}
    answer = await world.client.post("/api/status-pages", json=right, headers=editor)
    assert answer.status == 201, await answer.text()
    answer = await world.client.put("/api/status-pages/acme", json=wrong, headers=editor)
    assert (answer.status, (await answer.json())["field"]) == (400, "maintenance.1.window")

    # A page may keep a window that was deleted since.
    world.services.alerting.router.dispatcher.silences.forget(opened)
    answer = await world.client.put("/api/status-pages/acme", json=right, headers=editor)
    assert answer.status == 200, await answer.text()


async def test_a_component_whose_host_is_removed_is_unknown_and_its_page_can_be_changed(
    world: World, editor: dict[str, str], samples: MemorySamples
) -> None:
    status = target_status("web-1", "web-1")
    world.statuses.append(status)
    samples.stored.append(
        series("up", status.target.labels, minutes(NOW_MS - 60_000, NOW_MS + 1, 1))
    )
    page = page_with(HOST_COMPONENT)
    answer = await world.client.post("/api/status-pages", json=page, headers=editor)
    assert answer.status == 201, await answer.text()
    assert (await shown(world))["groups"][0]["components"][1]["state"] == "operational"

    world.statuses.remove(status)
    world.now[0] += 10 * MINUTE_MS
    assert (await shown(world))["groups"][0]["components"][1]["state"] == "no_data"
    renamed = page | {"title": "Renamed"}
    answer = await world.client.put("/api/status-pages/acme", json=renamed, headers=editor)
    assert answer.status == 200, await answer.text()
    # Another component cannot name the removed host.
    second = page_with(HOST_COMPONENT | {"host": "web-2"})
    answer = await world.client.put("/api/status-pages/acme", json=second, headers=editor)
    assert answer.status == 400


async def test_the_form_marks_the_row_whose_probe_does_not_exist(world: World) -> None:
    session = await world.cookie(Role.EDITOR)
    fields = {
        "title": "Acme",
        "slug": "acme",
        "accent": "#112233",
        "time_zone": "UTC",
        "c0_name": "",
        "c2_name": "Shop",
        "c2_kind": "probe",
        "c2_reference": "shpo",
    }
    answer = await world.client.post("/status-pages/new", data=fields, headers=session)
    assert answer.status == 400
    text = await answer.text()
    (box,) = re.findall(r'<input name="c2_reference"[^>]*>', text)
    assert 'value="shpo"' in box
    assert 'aria-invalid="true" aria-describedby="c2_problem"' in box
    assert 'id="c2_problem"' in text
    assert "there is no probe “shpo”" in text
    assert text.count('aria-describedby="c2_problem"') == 1


@pytest.mark.parametrize(
    ("typed", "status"), [("atlas", 303), ("10.0.0.1:9100", 303), ("twin", 400)]
)
async def test_the_form_knows_hosts_by_the_names_of_the_page_hosts(
    world: World, typed: str, status: int
) -> None:
    for name, instance in (("atlas", "10.0.0.1:9100"), ("twin", "a:9100"), ("twin", "b:9100")):
        world.statuses.append(target_status(name, instance))
    fields = {
        "title": "Acme",
        "slug": "acme",
        "accent": "#112233",
        "time_zone": "UTC",
        "c0_name": "Server",
        "c0_kind": "host",
        "c0_reference": typed,
    }
    session = await world.cookie(Role.EDITOR)
    answer = await world.client.post(
        "/status-pages/new", data=fields, headers=session, allow_redirects=False
    )
    assert answer.status == status
    if status == 303:
        text = await (await world.client.get("/status-pages/acme", headers=session)).text()
        assert '<input name="c0_reference" value="10.0.0.1:9100"' in text
