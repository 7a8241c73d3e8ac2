"""The page of one host."""

import html
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pytest_aiohttp import AiohttpClient

from alerting.check_settings import CheckName
from model.labels import Labels
from storage.api.accounts import Role
from tests.web.service_doubles import target_status
from tests.web.world import World, world_at


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        yield world


async def test_unknown_host_is_an_html_error_page(world: World) -> None:
    answer = await world.client.get("/host/nobody", headers=await world.cookie())
    assert answer.status == 404
    assert "Not found" in await answer.text()
    assert answer.content_type == "text/html"


async def test_host_page_serves_records_and_configured_hosts(world: World) -> None:
    world.statuses += [
        target_status("configured", "a:9100"),
        target_status("registered", "b:9100", host_id=7),
    ]
    assert "configured" in await world.page("/host/a:9100")
    registered = await world.page("/host/7")
    assert "registered" in registered
    assert 'href="/host/b:9100/remove"' in registered
    assert "it cannot be removed here" in await world.page("/host/a:9100")


async def test_page_names_its_charts_and_loads_the_first_ones(world: World) -> None:
    world.statuses.append(target_status("web-1", "a:9100"))
    names = ("node_load1", "node_memory_MemTotal_bytes", "node_memory_SwapTotal_bytes")
    world.samples.known = [Labels.of(__name__=name, instance="a:9100") for name in names]
    page = await world.page("/host/a:9100?range=6h&compare=1d")
    found = re.search(r'id="sections">(.*?)</script>', page)
    assert found is not None
    given = json.loads(found[1])
    keys = [chart["key"] for each in given["sections"] for chart in each["charts"]]
    assert "load" in keys
    assert given["first"] == keys[:4]
    preload = re.search(r'<link rel="preload" href="(/api/hosts/[^"]+)" as="fetch"', page)
    assert preload is not None
    assert html.unescape(preload[1]).endswith(
        f"/charts?range=6h&chart={'%2C'.join(given['first'])}&compare=1d"
    )


@pytest.mark.parametrize("query", ["from=1000000&to=2000000", "range=1h"])
async def test_page_without_known_charts_loads_none(world: World, query: str) -> None:
    world.statuses.append(target_status("web-1", "a:9100"))
    page = await world.page(f"/host/a:9100?{query}")
    assert 'as="fetch"' not in page


async def test_removal_needs_confirmation_and_redirects_home(world: World) -> None:
    added = await world.client.post(
        "/api/hosts", json={"name": "db-1", "url": "10.0.0.7"}, headers=await world.bearer()
    )
    key = (await added.json())["id"]
    assert "Remove <bdi>db-1</bdi>?" in await world.page(f"/host/{key}/remove")
    answer = await world.client.post(
        f"/host/{key}/remove", headers=await world.cookie(), allow_redirects=False
    )
    assert answer.headers["Location"] == "/?notice=host-removed"
    assert list(await world.services.hosts.all()) == []


async def test_check_is_changed_on_the_host_page(world: World) -> None:
    world.statuses.append(target_status("web-1", "a:9100"))
    form = {"enabled": "on", "warning": "50", "critical": "60", "recovery": "", "for_s": "30"}
    path = "/host/a:9100/checks/cpu"
    headers = await world.cookie(Role.EDITOR)
    answer = await world.client.post(path, data=form, headers=headers, allow_redirects=False)
    assert answer.status == 303
    (own,) = await world.services.alerts.overrides()
    assert (own.enabled, own.warning, own.recovery, own.for_s) == (True, 50.0, None, 30.0)
    for wrong, problem in (
        ({"critical": "40"}, "warning 50 is above critical 40"),
        ({"warning": "", "critical": "40"}, "warning 85 is above critical 40"),
        ({"warning": "much"}, "must be a number"),
    ):
        refused = await world.client.post(path, data=form | wrong, headers=headers)
        assert refused.status == 400
        assert problem in await refused.text()
    del form["enabled"]
    await world.client.post(path, data=form, headers=headers, allow_redirects=False)
    (own,) = await world.services.alerts.overrides()
    assert own.enabled is False
    await world.client.post(path, data={"action": "reset"}, headers=headers, allow_redirects=False)
    assert list(await world.services.alerts.overrides()) == []


async def test_recovery_follows_a_threshold_that_is_changed_alone(world: World) -> None:
    """The form sends all numbers that it shows; the reader has typed one."""
    world.statuses.append(target_status("web-1", "a:9100"))
    path, headers = "/host/a:9100/checks/cpu", await world.cookie(Role.EDITOR)
    shown = {"enabled": "on", "warning": "85", "critical": "95", "recovery": "80", "for_s": "300"}
    answer = await world.client.post(path, data=shown | {"warning": "20"}, headers=headers)
    assert answer.status == 200, await answer.text()
    applied = world.services.alerting.check_of("a:9100", CheckName.CPU)
    assert (applied.warning, applied.recovery) == (20.0, 15.0)
    # A recovery that is typed is kept, or refused where it does not fit.
    typed = shown | {"warning": "30", "recovery": "5"}
    await world.client.post(path, data=typed, headers=headers)
    assert world.services.alerting.check_of("a:9100", CheckName.CPU).recovery == 5.0
    refused = await world.client.post(path, data=typed | {"recovery": "50"}, headers=headers)
    assert refused.status == 400


async def test_viewer_sees_checks_but_no_form(world: World) -> None:
    world.statuses.append(target_status("web-1", "a:9100"))
    text = await world.page("/host/a:9100", role=Role.VIEWER)
    assert "85 %" in text
    assert 'name="warning"' not in text


async def test_tags_are_edited_on_the_host_page(world: World) -> None:
    added = await world.client.post(
        "/api/hosts",
        json={"name": "db-1", "url": "10.0.0.7", "labels": {"env": "<lab>"}},
        headers=await world.bearer(),
    )
    key = (await added.json())["id"]
    assert "<bdi>env=&lt;lab&gt;</bdi>" in await world.page(f"/host/{key}")
    headers = await world.cookie(Role.EDITOR)
    form = {"tags": "env=prod\nsite = new york\n"}
    answer = await world.client.post(
        f"/host/{key}/tags", data=form, headers=headers, allow_redirects=False
    )
    assert answer.status == 303
    (host,) = await world.services.hosts.all()
    assert dict(host.labels) == {"env": "prod", "site": "new york"}
    for wrong, problem in (("env", "as name=value"), ("job=x", "cannot be changed")):
        refused = await world.client.post(
            f"/host/{key}/tags", data={"tags": wrong}, headers=headers
        )
        assert refused.status == 400
        assert problem in await refused.text()
    assert dict((await world.services.hosts.all())[0].labels)["env"] == "prod"


async def test_viewer_sees_tags_but_no_form_for_them(world: World) -> None:
    world.statuses.append(target_status("web-1", "a:9100"))
    assert 'name="tags"' not in await world.page("/host/a:9100", role=Role.VIEWER)
