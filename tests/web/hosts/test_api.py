from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pytest_aiohttp import AiohttpClient
from yarl import URL

from alerting.check_settings import CheckName
from model.labels import Labels
from model.targets import Health
from promql.api import EvaluationError
from storage.api.alerts import AlertState
from storage.api.hosts import NewHost
from tests.web.alerting_double import an_alert
from tests.web.service_doubles import NOW_MS, target_status, vector
from tests.web.world import World, world_at


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        yield world


async def call(world: World, method: str, path: str, status: int, body: Any = None) -> Any:
    answer = await world.client.request(method, path, json=body, headers=await world.bearer())
    text = await answer.text()
    assert answer.status == status, text
    return await answer.json() if text else None


async def test_added_host_is_in_the_fleet_before_its_first_scrape(world: World) -> None:
    added = await call(world, "POST", "/api/hosts", 201, {"name": "db-1", "url": "10.0.0.7"})
    assert added["url"] == "http://10.0.0.7:9100/metrics"
    assert (added["instance"], added["state"]) == ("10.0.0.7:9100", "pending")
    assert len(world.changes) == 1
    fleet = await call(world, "GET", "/api/fleet", 200)
    assert [host["name"] for host in fleet["hosts"]] == ["db-1"]
    assert (await call(world, "GET", f"/api/hosts/{added['id']}", 200))["name"] == "db-1"
    assert (await call(world, "GET", "/api/hosts/10.0.0.7:9100", 200))["name"] == "db-1"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"url": "http://a:9100/metrics"}, "name"),
        ({"name": " ", "url": "http://a:9100/metrics"}, "name"),
        ({"name": "a\u0000b", "url": "http://a:9100/metrics"}, "name"),
        ({"name": "a", "url": "ftp://a"}, "url"),
        ({"name": "a", "url": ""}, "url"),
        ({"name": "a", "url": "http://user:secret@a/metrics"}, "url"),
        ({"name": "a", "url": "javascript:alert(1)"}, "url"),
        ({"name": "a", "url": "http://a:99999/"}, "url"),
        ({"name": "a", "url": "a", "labels": {"1x": "y"}}, "labels"),
        ({"name": "a", "url": "a", "interval_s": 0}, "interval_s"),
        ({"name": "a", "url": "a", "colour": "red"}, "colour"),
    ],
)
async def test_unfit_host_is_refused_by_field(
    world: World, body: dict[str, Any], field: str
) -> None:
    answer = await call(world, "POST", "/api/hosts", 400, body)
    assert answer["field"] == field
    assert answer["error"].startswith(f"{field}: ")


async def test_second_host_of_a_name_is_a_conflict(world: World) -> None:
    await world.services.hosts.add(NewHost("db-1", "http://a:9100/metrics"), NOW_MS)
    answer = await call(world, "POST", "/api/hosts", 409, {"name": "db-1", "url": "b"})
    assert answer == {"error": "name: a host 'db-1' exists already", "field": "name"}


@pytest.mark.parametrize(
    ("body", "field"),
    [({"name": "vm", "url": "b"}, "name"), ({"name": "b", "url": "http://a:9100/metrics"}, "url")],
)
async def test_host_of_the_configuration_is_not_added_again(
    world: World, body: dict[str, str], field: str
) -> None:
    world.statuses.append(target_status("vm", "a:9100"))
    answer = await call(world, "POST", "/api/hosts", 409, body)
    assert answer["field"] == field
    assert answer["error"].endswith("exists already; it comes from the server's configuration")


async def test_hosts_behind_one_address_are_each_in_the_fleet(world: World) -> None:
    world.statuses.append(target_status("vm", "proxy:80"))
    for number in range(30):
        body = {"name": f"h{number}", "url": f"http://proxy:80/h{number}/metrics"}
        added = await call(world, "POST", "/api/hosts", 201, body)
        assert added["instance"] == f"h{number}"
    fleet = (await call(world, "GET", "/api/fleet", 200))["hosts"]
    assert len({host["instance"] for host in fleet}) == 31


async def test_removed_host_is_gone(world: World) -> None:
    added = await call(world, "POST", "/api/hosts", 201, {"name": "db-1", "url": "10.0.0.7"})
    await call(world, "DELETE", f"/api/hosts/{added['id']}", 204)
    assert (await call(world, "GET", "/api/hosts", 200))["hosts"] == []
    await call(world, "DELETE", f"/api/hosts/{added['id']}", 404)


async def test_host_from_configuration_cannot_be_removed_here(world: World) -> None:
    world.statuses.append(target_status("web-1", "10.0.0.5:9100"))
    answer = await call(world, "DELETE", "/api/hosts/10.0.0.5:9100", 409)
    assert "configuration file" in answer["error"]
    assert (await call(world, "GET", "/api/hosts", 200))["hosts"] == []


async def test_figures_states_and_alerts_are_put_together(world: World) -> None:
    world.statuses += [
        target_status("web-1", "a:9100"),
        target_status("db-1", "b:9100", Health.DOWN, "connection refused"),
    ]
    a, b = Labels.of(instance="a:9100"), Labels.of(instance="b:9100")
    root = Labels.of(instance="a:9100", mountpoint="/", fstype="ext4")
    data = Labels.of(instance="a:9100", mountpoint="/data", fstype="ext4")
    unsized = Labels.of(instance="a:9100", mountpoint="/none", fstype="ext4")
    world.engine.answers = {
        "increase(node_cpu_seconds_total": vector({a: 0.25, b: 0.5}),
        "node_memory_MemAvailable_bytes|": vector(
            {
                Labels.of(a, __name__="node_memory_MemAvailable_bytes"): 2e9,
                Labels.of(a, __name__="node_memory_MemTotal_bytes"): 8e9,
                Labels.of(a, __name__="node_load1"): float("nan"),
            }
        ),
        "node_filesystem_avail_bytes": vector({root: 90.0, data: 10.0, unsized: 0.0}),
        "node_filesystem_size_bytes": vector({root: 100.0, data: 100.0, unsized: 0.0}),
        "node_network": EvaluationError("broken"),
    }
    for state, severity in (
        (AlertState.FIRING, "critical"),
        (AlertState.FIRING, "warning"),
        (AlertState.NO_DATA, "warning"),
        (AlertState.PENDING, "critical"),
        (AlertState.RESOLVED, "critical"),
    ):
        await world.alerting.put(an_alert(state, instance="b:9100", severity=severity))
    db, web = (await call(world, "GET", "/api/fleet", 200))["hosts"]
    assert (db["name"], db["state"], db["reason"]) == ("db-1", "down", "connection refused")
    assert db["alerts"] == {"critical": 1, "warning": 2, "pending": 1}
    assert set(db["figures"].values()) == {None}
    assert (web["state"], web["last_seen_ms"]) == ("up", NOW_MS - 4000)
    assert web["figures"]["cpu_used_ratio"] == 0.25
    assert web["figures"]["memory_used_ratio"] == 0.75
    assert web["figures"]["memory_total_bytes"] == 8e9
    assert web["figures"]["disk_used_ratio"] == 0.9
    assert web["figures"]["disk_mount"] == "/data"
    assert web["figures"]["load1"] is None
    assert web["figures"]["receive_bytes_per_s"] is None
    assert "fleet_query_failed" in [line["event"] for line in world.logs]


async def test_number_of_queries_does_not_grow_with_the_fleet(world: World) -> None:
    world.statuses.append(target_status("web-0", "a:0"))
    await call(world, "GET", "/api/fleet", 200)
    for_one = len(world.engine.asked)
    world.statuses += [target_status(f"web-{number}", f"a:{number}") for number in range(1, 50)]
    world.now[0] += 1000
    await call(world, "GET", "/api/fleet", 200)
    assert len(world.engine.asked) == 2 * for_one


async def test_fleet_is_read_once_a_second(world: World) -> None:
    world.statuses.append(target_status())
    await call(world, "GET", "/api/fleet", 200)
    for_one = len(world.engine.asked)
    world.now[0] += 999
    await call(world, "GET", "/api/fleet", 200)
    assert len(world.engine.asked) == for_one


async def test_number_in_the_path_is_an_id_first_and_an_instance_second(world: World) -> None:
    world.statuses += [
        target_status("by-id", "x:9100", host_id=7),
        target_status("by-instance", "7"),
        target_status("other", "8"),
    ]
    assert (await call(world, "GET", "/api/hosts/7", 200))["name"] == "by-id"
    assert (await call(world, "GET", "/api/hosts/8", 200))["name"] == "other"


async def test_instance_may_hold_any_character(world: World) -> None:
    world.statuses.append(target_status("odd", "a/b?c#d e%2F<x>"))
    path = "/api/hosts/a%2Fb%3Fc%23d%20e%252F%3Cx%3E"
    url = URL(str(world.client.make_url("/")).rstrip("/") + path, encoded=True)
    answer = await world.client.session.get(url, headers=await world.bearer())
    assert (await answer.json())["name"] == "odd"


async def test_check_has_defaults_until_the_host_gets_its_own(world: World) -> None:
    world.statuses.append(target_status("web-1", "a:9100"))
    checks = (await call(world, "GET", "/api/hosts/a:9100/checks", 200))["checks"]
    assert [check["check"] for check in checks] == list(CheckName)
    units = {check["check"]: check["unit"] for check in checks}
    assert (units["cpu"], units["disk_full"], units["down"]) == ("%", "h", "")
    assert (checks[1]["warning"], checks[1]["own"]) == (85.0, False)
    body = {"warning": 50, "critical": 60}
    await call(world, "PUT", "/api/hosts/a:9100/checks/cpu", 200, body)
    (cpu,) = [
        check
        for check in (await call(world, "GET", "/api/hosts/a:9100/checks", 200))["checks"]
        if check["own"]
    ]
    assert (cpu["warning"], cpu["critical"], cpu["for_s"]) == (50.0, 60.0, 300.0)
    assert cpu["default"]["warning"] == 85.0
    checks = (await call(world, "DELETE", "/api/hosts/a:9100/checks/cpu", 200))["checks"]
    assert not any(check["own"] for check in checks)


@pytest.mark.parametrize(
    "body",
    [{"warning": 90, "critical": 80}, {"warning": 50, "recovery": 60}, {"warning": -1}, {"x": 1}],
)
async def test_unfit_thresholds_are_refused(world: World, body: dict[str, Any]) -> None:
    world.statuses.append(target_status("web-1", "a:9100"))
    await call(world, "PUT", "/api/hosts/a:9100/checks/cpu", 400, body)
    await call(world, "PUT", "/api/hosts/a:9100/checks/nonsense", 404, {})
