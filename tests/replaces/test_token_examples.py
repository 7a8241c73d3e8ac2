"""The examples of prodlens-backend and api-analytics-service that ask for tokens, by real curl."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from pytest_aiohttp import AiohttpClient

from storage.api.accounts import Role
from tests.programs import program
from tests.web.service_doubles import NOW_MS
from tests.web.world import World, world_at
from web.settings import WebSettings

DEMO = '{"username": "demo", "password": "demo123"}'


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client, WebSettings(registration=True)) as world:
        # The example's password is shorter than any that may be set today.
        short = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("demo123")
        await world.accounts.add_user("demo", Role.VIEWER, short, NOW_MS)
        yield world


async def curl(world: World, path: str, *arguments: str) -> tuple[int, Any]:
    """Return status and document that curl gets."""
    url = str(world.client.make_url(path))
    command = (
        await asyncio.to_thread(program, "curl"),
        "-s",
        "-w",
        "\n%{http_code}",
        *arguments,
        url,
    )
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    told, _ = await process.communicate()
    body, _, status = told.decode().rpartition("\n")
    return int(status), json.loads(body)


@pytest.mark.parametrize("path", ["/auth/token", "/auth/refresh"])
async def test_prodlens_examples_answer_a_token_that_opens_the_api(world: World, path: str) -> None:
    status, answer = await curl(
        world, path, "-X", "POST", "-H", "Content-Type: application/json", "-d", DEMO
    )
    assert status == 200
    assert (answer["token_type"], answer["expires_in"]) == ("bearer", 1800)
    status, session = await curl(
        world, "/api/session", "-H", f"Authorization: Bearer {answer['access_token']}"
    )
    assert (status, session["user"]["name"]) == (200, "demo")


async def test_api_analytics_accounts_are_registered_and_log_in(world: World) -> None:
    account = '{"email": "ann@example.org", "password": "long enough for us"}'
    json_body = ("-H", "Content-Type: application/json", "-d", account)
    status, made = await curl(world, "/api/v1/auth/register", "-X", "POST", *json_body)
    assert (status, made["username"]) == (201, "ann@example.org")
    status, token = await curl(world, "/api/v1/auth/login", "-X", "POST", *json_body)
    assert (status, token["token_type"]) == (200, "bearer")
    form = ("--data-urlencode", "username=ann@example.org", "-d", "password=long enough for us")
    status, token = await curl(world, "/api/v1/auth/login", *form)
    assert (status, len(token["access_token"].split("."))) == (200, 3)
