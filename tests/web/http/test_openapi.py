import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import validate
from pytest_aiohttp import AiohttpClient

from tests.web.world import World, world_at
from web.http.routing import ROUTES, Access, Surface
from web.settings import WebSettings

# The files of the UI are no part of the API.
NOT_TOLD = re.compile(r"/static/")


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        yield world


async def document_of(world: World) -> dict[str, Any]:
    answer = await world.client.get("/openapi.json")
    assert answer.status == 200
    found: dict[str, Any] = await answer.json()
    return found


async def test_document_is_valid_openapi(world: World) -> None:
    document = await document_of(world)
    assert document["openapi"].startswith("3.1.")
    await asyncio.to_thread(validate, document)


async def test_both_names_give_the_same_document_to_everybody(world: World) -> None:
    other = await world.client.get("/apispec.json")
    assert await other.json() == await document_of(world)


async def test_every_api_route_is_in_the_document(world: World) -> None:
    paths = (await document_of(world))["paths"]
    assert world.client.app is not None
    for (method, pattern), route in world.client.app[ROUTES].items():
        if route.surface is Surface.PAGE or method == "HEAD" or NOT_TOLD.match(pattern):
            continue
        assert route.operation is not None, f"{method} {route.path} has no operation"
        assert method.lower() in paths[pattern], f"{method} {route.path} is not told"


async def test_document_names_the_needed_role(world: World) -> None:
    paths = (await document_of(world))["paths"]
    assert world.client.app is not None
    for (method, pattern), route in world.client.app[ROUTES].items():
        if route.operation is None or method == "HEAD":
            continue
        told = paths[pattern][method.lower()]
        assert bool(told["security"]) == (route.access is not Access.PUBLIC)
        assert told["summary"], pattern
        assert "200 OK" not in told["summary"]
    assert "admin" in paths["/api/users"]["get"]["description"]
    assert {"401", "403", "429"} <= paths["/api/users"]["get"]["responses"].keys()


async def test_document_allows_the_anonymous_viewer(
    tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    settings = WebSettings(anonymous_viewer=True)
    async with world_at(tmp_path, aiohttp_client, settings) as world:
        paths = (await document_of(world))["paths"]
    assert {} in paths["/api/fleet"]["get"]["security"]
    assert {} not in paths["/api/users"]["get"]["security"]


async def test_documented_requests_match_their_validation(world: World) -> None:
    document = await document_of(world)
    body = document["paths"]["/api/hosts"]["post"]["requestBody"]["content"]
    assert body["application/json"]["schema"] == {"$ref": "#/components/schemas/HostForm"}
    form = document["components"]["schemas"]["HostForm"]
    assert form["required"] == ["name"]
    assert form["additionalProperties"] is False
    limit = document["paths"]["/api/notifications"]["get"]["parameters"][0]
    assert limit["name"] == "limit"
    assert limit["schema"] | {"maximum": 1000, "minimum": 1, "default": 100} == limit["schema"]
    _, before = document["paths"]["/api/audit"]["get"]["parameters"]
    assert before["name"] == "before"
    assert before["schema"] | {"maximum": 2**63 - 1, "minimum": 1} == before["schema"]


@pytest.mark.parametrize("path", ["/docs", "/swagger", "/redoc"])
async def test_reference_page_needs_no_login_and_no_other_server(world: World, path: str) -> None:
    answer = await world.client.get(path)
    assert answer.status == 200
    policy = answer.headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "style-src 'self';" in policy
    text = await answer.text()
    assert "<script>" not in text
    for url in re.findall(r'(?:src|href)="([^"]+)"', text):
        assert url.startswith("/")
        assert (await world.client.get(url, allow_redirects=False)).status in (200, 303)


async def test_report_takes_the_exposition_of_an_exporter_as_well(world: World) -> None:
    told = (await document_of(world))["paths"]["/report"]["post"]
    content = told["requestBody"]["content"]
    assert content.keys() == {"application/json", "text/plain"}
    assert content["text/plain"]["schema"] == {"type": "string"}
    (header,) = told["parameters"]
    assert (header["in"], header["name"]) == ("header", "X-Collected-At-Ms")
