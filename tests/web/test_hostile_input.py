"""No path, parameter or body causes an internal error; each gets an error message."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_aiohttp import AiohttpClient
from yarl import URL

from tests.web.alerting_double import an_alert
from tests.web.service_doubles import target_status
from tests.web.world import World, world_at
from web.http.routing import ROUTES
from web.settings import WebSettings

HOSTILE = settings(
    max_examples=150,
    deadline=None,
    # One server for all examples, so that one could break the next.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

NAMES = st.sampled_from(
    [
        *("query", "time", "start", "end", "step", "timeout", "limit", "lookback_delta", "match[]"),
        *("state", "before_id", "alert_id", "range", "start_ms", "end_ms", "since_ms", "view"),
        *("q", "sort", "order", "health", "metric", "limit_per_metric", "scrapePool", "next"),
        *("notice", "type"),
    ]
)
# Surrogates cannot be encoded in UTF-8; servers receive invalid bytes instead.
TEXT = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
    st.sampled_from(["9" * 30, "-1", "0", "1e309", "NaN", "../..", "%00", "\x00", "1h", "inf"]),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=10,
)
FIELDS = st.sampled_from(
    [
        *("name", "url", "labels", "interval_s", "timeout_s", "username", "password", "role"),
        *("enabled", "warning", "critical", "recovery", "for_s", "label", "lifetime_days"),
        *("current_password", "new_password"),
    ]
)
SEGMENT = st.binary(min_size=1, max_size=20).map(lambda raw: "".join(f"%{b:02X}" for b in raw))


@pytest.fixture(autouse=True)
def blockbuster() -> None:
    """Let hypothesis read its own files between examples."""


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client, WebSettings(enable_admin_api=True)) as world:
        world.statuses.append(target_status("web-1", "a:9100"))
        await world.alerting.put(an_alert())
        world.samples.known.append(an_alert().labels)
        yield world


def routes(world: World, *methods: str) -> list[tuple[str, str]]:
    """Return method and path of every route that ends by itself."""
    table = world.client.app[ROUTES]
    endless = ("/logout", "/api/v1/notifications/live")
    return sorted(
        (method, path) for method, path in table if method in methods and path not in endless
    )


def filled(path: str, segment: str) -> str:
    for name in ("{key}", "{name}", "{id}", "{check}", "{path}"):
        path = path.replace(name, segment)
    return path


async def send(world: World, method: str, path: str, **arguments: Any) -> ClientResponse:
    url = URL(str(world.client.make_url("/")).rstrip("/") + path, encoded=True)
    headers = await world.bearer() | arguments.pop("headers", {})
    return await world.client.session.request(
        method, url, headers=headers, allow_redirects=False, **arguments
    )


@HOSTILE
@given(data=st.data())
async def test_any_parameters_are_answered(world: World, data: st.DataObject) -> None:
    method, path = data.draw(st.sampled_from(routes(world, "GET")))
    parameters = data.draw(st.lists(st.tuples(NAMES, TEXT), max_size=4))
    query = URL.build(query=parameters).raw_query_string
    key = data.draw(st.sampled_from(["a:9100", "1", "job"]))
    answer = await send(world, method, f"{filled(path, key)}?{query}")
    assert answer.status < 500, await answer.text()


@HOSTILE
@given(data=st.data())
async def test_any_path_is_answered(world: World, data: st.DataObject) -> None:
    method, path = data.draw(st.sampled_from(routes(world, "GET", "POST", "DELETE")))
    answer = await send(world, method, filled(path, data.draw(SEGMENT)))
    assert answer.status < 500, await answer.text()


@HOSTILE
@given(data=st.data())
async def test_any_body_is_answered(world: World, data: st.DataObject) -> None:
    method, path = data.draw(st.sampled_from(routes(world, "POST", "PUT")))
    body = data.draw(st.dictionaries(FIELDS, JSON, max_size=6))
    answer = await send(world, method, filled(path, "1"), json=body)
    assert answer.status < 500, await answer.text()


@HOSTILE
@given(data=st.data())
async def test_any_form_is_answered(world: World, data: st.DataObject) -> None:
    method, path = data.draw(st.sampled_from(routes(world, "POST")))
    form = data.draw(st.dictionaries(FIELDS | NAMES, TEXT, max_size=6))
    answer = await send(world, method, filled(path, "1"), data=form)
    assert answer.status < 500, await answer.text()


@HOSTILE
@given(data=st.data())
async def test_any_bytes_are_answered(world: World, data: st.DataObject) -> None:
    method, path = data.draw(st.sampled_from(routes(world, "POST", "PUT")))
    kinds = ["application/json", "application/x-www-form-urlencoded", "multipart/form-data"]
    headers = {"Content-Type": data.draw(st.sampled_from(kinds))}
    body = data.draw(st.binary(max_size=200))
    answer = await send(world, method, filled(path, "1"), data=body, headers=headers)
    assert answer.status < 500, await answer.text()


@pytest.mark.parametrize("depth", [1_000, 200_000])
async def test_deep_json_is_refused(world: World, depth: int) -> None:
    body = b'{"name":' + b"[" * depth
    answer = await send(world, "POST", "/api/hosts", data=body)
    assert answer.status == 400
