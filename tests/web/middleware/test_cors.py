from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from pytest_aiohttp import AiohttpClient

from storage.api.accounts import Role
from tests.web.world import PASSWORD, World, world_at
from web.http.routing import ROUTES, Surface
from web.middleware.cors import response_headers
from web.settings import CorsSettings, WebSettings

APP = "https://app.example.com"
EVIL = "https://evil.example"

Opener = Callable[..., Awaitable[World]]


@pytest.fixture
async def opened(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[Opener]:
    """Return a function that starts the application with CORS settings."""
    async with AsyncExitStack() as stack:

        async def start(**cors: Any) -> World:
            settings = WebSettings.model_validate({"cors": cors})
            return await stack.enter_async_context(world_at(tmp_path, aiohttp_client, settings))

        yield start


def asking(origin: str = APP, method: str = "GET") -> dict[str, str]:
    return {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization",
    }


def allowed(headers: Any) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.startswith("Access-Control-")}


async def test_nothing_is_opened_by_default(opened: Opener) -> None:
    world = await opened()
    preflight = await world.client.options("/api/fleet", headers=asking())
    assert preflight.status == 405
    answer = await world.client.get("/api/fleet", headers=await world.bearer() | {"Origin": APP})
    assert answer.status == 200
    for each in (preflight, answer):
        assert not allowed(each.headers)
        assert "Origin" not in each.headers.get("Vary", "")


async def test_preflight_of_a_named_origin_is_answered(opened: Opener) -> None:
    world = await opened(origins=[APP], max_age_s=60)
    answer = await world.client.options("/api/hosts", headers=asking(method="POST"))
    assert answer.status == 204
    told = allowed(answer.headers)
    assert told["Access-Control-Allow-Origin"] == APP
    assert told["Access-Control-Allow-Methods"] == "POST"
    assert "Authorization" in told["Access-Control-Allow-Headers"]
    assert told["Access-Control-Max-Age"] == "60"
    assert "Access-Control-Allow-Credentials" not in told
    assert "Origin" in answer.headers["Vary"]


async def test_answers_to_a_named_origin_may_be_read(opened: Opener) -> None:
    world = await opened(origins=[APP])
    for headers, status in ((await world.bearer(), 200), ({}, 401)):
        answer = await world.client.get("/api/fleet", headers=headers | {"Origin": APP})
        assert answer.status == status
        assert answer.headers["Access-Control-Allow-Origin"] == APP
        assert "RateLimit-Remaining" in answer.headers["Access-Control-Expose-Headers"]
        assert "Origin" in answer.headers["Vary"]


@pytest.mark.parametrize(
    "origin",
    [
        EVIL,
        "null",
        "",
        "https://app.example.com.evil.example",
        "https://evil.example/https://app.example.com",
        "http://app.example.com",
        "https://app.example.com:8443",
        "https://user@app.example.com",
        "https://sub.app.example.com",
        "https://[",
    ],
)
async def test_other_origins_are_not_allowed(opened: Opener, origin: str) -> None:
    world = await opened(origins=[APP], credentials=True)
    preflight = await world.client.options("/api/fleet", headers=asking(origin))
    assert preflight.status == 403
    answer = await world.client.get("/api/fleet", headers={"Origin": origin})
    for each in (preflight, answer):
        assert not allowed(each.headers)
        # A cache must not give one origin's answer to another.
        assert "Origin" in each.headers["Vary"]


async def test_origin_is_compared_as_browsers_write_it(opened: Opener) -> None:
    world = await opened(origins=["HTTPS://App.Example.com:443"])
    answer = await world.client.get("/api/fleet", headers={"Origin": APP})
    assert answer.headers["Access-Control-Allow-Origin"] == APP


async def test_all_origins_without_credentials(opened: Opener) -> None:
    world = await opened(origins=["*"])
    for origin in (APP, EVIL):
        answer = await world.client.get("/api/fleet", headers={"Origin": origin})
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize(
    "cors",
    [
        {"origins": ["*"], "credentials": True},
        {"origins": ["*", APP]},
        {"origins": ["app.example.com"]},
        {"origins": ["https://app.example.com/"]},
        {"origins": ["https://app.example.com/path"]},
        {"origins": ["https://user:pw@app.example.com"]},
        {"origins": ["https://*.example.com"], "credentials": "maybe"},
        {"origins": ["null"]},
        {"origins": ["file:///x"]},
        {"paths": ["api"]},
    ],
)
def test_unsafe_or_unclear_settings_are_refused(cors: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        CorsSettings.model_validate(cors)


@given(st.text(max_size=40), st.lists(st.sampled_from([APP, "http://b:1"]), unique=True))
def test_only_named_origins_are_ever_allowed(origin: str, origins: list[str]) -> None:
    cors = CorsSettings(origins=tuple(origins), credentials=True)
    if origin not in origins:
        assert not cors.allows(origin)
    assert "*" not in response_headers(cors, origin).values()


async def test_paths_limit_what_is_opened(opened: Opener) -> None:
    world = await opened(origins=[APP], paths=["/api/v1/"])
    opened_answer = await world.client.get("/api/v1/labels", headers={"Origin": APP})
    assert opened_answer.headers["Access-Control-Allow-Origin"] == APP
    closed = await world.client.get("/api/fleet", headers={"Origin": APP})
    assert not allowed(closed.headers)
    assert (await world.client.options("/api/fleet", headers=asking())).status == 405


async def test_pages_and_static_files_are_never_opened(opened: Opener) -> None:
    world = await opened(origins=[APP], credentials=True)
    for (method, path), route in world.client.app[ROUTES].items():
        if route.surface is not Surface.PAGE or "{" in path:
            continue
        preflight = await world.client.options(path, headers=asking(method=method))
        assert preflight.status == 405, path
        assert not allowed(preflight.headers)
    for path in ("/login", "/static/redshank.css"):
        answer = await world.client.get(path, headers={"Origin": APP})
        assert answer.status == 200
        assert not allowed(answer.headers)


async def test_preflight_for_what_does_not_exist_is_no_success(opened: Opener) -> None:
    world = await opened(origins=[APP])
    assert (await world.client.options("/api/nothing", headers=asking())).status == 404
    assert (await world.client.options("/api/fleet", headers=asking(method="PUT"))).status == 405
    assert (await world.client.options("/api/fleet", headers={"Origin": APP})).status == 405


async def test_session_acts_for_a_trusted_origin_only(opened: Opener) -> None:
    world = await opened(origins=[APP], credentials=True)
    cookie = await world.cookie(Role.EDITOR)
    body = {"name": "db-1", "url": "10.0.0.7"}
    cross = {"Sec-Fetch-Site": "same-site"}
    refused = await world.client.post(
        "/api/hosts", json=body, headers=cookie | cross | {"Origin": EVIL}
    )
    assert refused.status == 403
    trusted = await world.client.post(
        "/api/hosts", json=body, headers=cookie | cross | {"Origin": APP}
    )
    assert trusted.status == 201
    assert trusted.headers["Access-Control-Allow-Credentials"] == "true"


async def test_named_origin_without_credentials_cannot_use_the_session(opened: Opener) -> None:
    world = await opened(origins=[APP])
    headers = await world.cookie() | {"Origin": APP, "Sec-Fetch-Site": "cross-site"}
    answer = await world.client.post("/api/hosts", json={}, headers=headers)
    assert answer.status == 403


async def test_trusted_origin_cannot_send_the_forms(opened: Opener) -> None:
    world = await opened(origins=[APP], credentials=True)
    await world.user("ann")
    headers = {"Origin": APP, "Sec-Fetch-Site": "same-site"}
    form = {"username": "ann", "password": PASSWORD}
    assert (await world.client.post("/login", data=form, headers=headers)).status == 403


async def test_origin_is_added_to_an_existing_vary_header(opened: Opener) -> None:
    world = await opened(origins=[APP])
    world.samples.known.extend([])
    answer = await world.client.get("/metrics", headers={"Origin": APP})
    varied = {name.strip() for name in answer.headers["Vary"].split(",")}
    assert "Origin" in varied
