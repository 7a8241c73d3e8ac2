"""`/api/v1/admin/tsdb/…`."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_aiohttp import AiohttpClient

from storage.api.accounts import Role
from storage.api.errors import StorageError
from tests.web.service_doubles import MemorySamples
from tests.web.world import World, world_at
from web.settings import WebSettings

PATH = "/api/v1/admin/tsdb"
ENABLED = WebSettings(enable_admin_api=True)


@pytest.fixture(autouse=True)
def blockbuster() -> None:
    """Let hypothesis read its own files between examples."""


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client, ENABLED) as world:
        yield world


async def send(
    world: World, action: str, method: str = "POST", role: Role = Role.ADMIN, **arguments: Any
) -> aiohttp.ClientResponse:
    headers = await world.bearer(role)
    return await world.client.request(method, f"{PATH}/{action}", headers=headers, **arguments)


async def audited(world: World) -> list[tuple[str, str]]:
    answer = await world.client.get("/api/audit", headers=await world.bearer())
    return [(each["action"], each["subject"]) for each in (await answer.json())["entries"]]


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_matching_series_are_deleted_in_a_range(world: World, method: str) -> None:
    query = [("match[]", 'up{job="a"}'), ("match[]", "x"), ("start", "1"), ("end", "2.5")]
    answer = await send(world, "delete_series", method, params=query)
    assert (answer.status, await answer.read()) == (204, b"")
    matchers = ['job="a",__name__="up"', '__name__="x"']
    ((texts, *times_ms),) = world.samples.deleted
    assert ([sorted(text.split(",")) for text in texts], times_ms) == (
        [sorted(text.split(",")) for text in matchers],
        [1000, 2500],
    )
    assert await audited(world) == [("series.delete", 'up{job="a"}, x')]


async def test_forms_are_taken_and_the_range_defaults_to_all_of_time(world: World) -> None:
    multipart = aiohttp.FormData({"match[]": "x"}, default_to_multipart=True)
    for form in ({"match[]": "x"}, multipart):
        assert (await send(world, "delete_series", data=form)).status == 204
    assert world.samples.deleted == [(['__name__="x"'], -(2**53), 2**53)] * 2


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ({}, "no match[] parameter provided"),
        ({"match[]": "sum(up)"}, 'invalid parameter "match[]": 1:4: parse error'),
        ({"match[]": "{}"}, 'invalid parameter "match[]": match[] must contain'),
        ({"match[]": "x", "start": "q"}, 'invalid parameter "start": invalid time value'),
        ({"match[]": "x", "end": "q"}, 'invalid parameter "end": invalid time value'),
    ],
)
async def test_invalid_deletion_deletes_nothing(
    world: World, query: dict[str, str], error: str
) -> None:
    answer = await send(world, "delete_series", params=query)
    document = await answer.json()
    assert (answer.status, document["errorType"]) == (400, "bad_data")
    assert document["error"].startswith(error)
    assert world.samples.deleted == []


async def test_tombstones_are_cleaned(world: World) -> None:
    assert (await send(world, "clean_tombstones")).status == 204
    assert world.samples.changes == ["clean"]
    assert await audited(world) == [("tombstones.clean", "")]


async def test_snapshot_returns_its_name(world: World) -> None:
    answer = await send(world, "snapshot", params={"skip_head": "true"})
    name = "20251122T140000Z-0123456789abcdef"
    assert await answer.json() == {"status": "success", "data": {"name": name}}
    assert (await send(world, "snapshot", "PUT")).status == 200
    assert world.samples.changes == ["snapshot True", "snapshot False"]
    assert await audited(world) == [("snapshot.create", name)] * 2


async def test_snapshot_refuses_what_is_no_boolean(world: World) -> None:
    answer = await send(world, "snapshot", params={"skip_head": "yes"})
    assert answer.status == 400
    assert (await answer.json())["error"] == (
        'invalid parameter "skip_head": unable to parse boolean: '
        'strconv.ParseBool: parsing "yes": invalid syntax'
    )
    assert world.samples.changes == []


@pytest.mark.parametrize("action", ["delete_series?match[]=x", "clean_tombstones", "snapshot"])
async def test_administration_is_off_by_default(
    tmp_path: Path, aiohttp_client: AiohttpClient, action: str
) -> None:
    async with world_at(tmp_path, aiohttp_client) as world:
        answer = await send(world, action)
        assert answer.status == 403
        assert (await answer.json())["error"].startswith("admin APIs disabled")
        assert (world.samples.deleted, world.samples.changes) == ([], [])


@pytest.mark.parametrize("role", [Role.VIEWER, Role.EDITOR])
async def test_administration_needs_an_admin(world: World, role: Role) -> None:
    for action in ("delete_series?match[]=x", "clean_tombstones", "snapshot"):
        assert (await send(world, action, role=role)).status == 403
    assert (world.samples.deleted, world.samples.changes) == ([], [])


async def test_store_error_is_an_internal_error_in_prometheus_envelope(
    tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    class Full(MemorySamples):
        def clean_tombstones(self) -> None:
            raise StorageError("disk full")

    async with world_at(tmp_path, aiohttp_client, ENABLED, sample_administration=Full()) as world:
        answer = await send(world, "clean_tombstones")
        assert answer.status >= 500
        assert (await answer.json())["status"] == "error"


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.sampled_from(["delete_series", "snapshot", "clean_tombstones"]),
    st.lists(
        st.tuples(
            st.sampled_from(["match[]", "start", "end", "skip_head"]),
            st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
        ),
        max_size=4,
    ),
)
async def test_any_parameters_are_answered(
    world: World, action: str, parameters: list[tuple[str, str]]
) -> None:
    answer = await send(world, action, params=parameters)
    assert answer.status in (200, 204, 400), await answer.text()
