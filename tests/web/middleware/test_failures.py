"""Errors of the APIs are in English, and in the reader's language where a page's script asks."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pytest_aiohttp import AiohttpClient

from promql.api import EvaluationError, QueryTimeoutError
from storage.api.accounts import Role
from tests.web.live.client import PATH, received
from tests.web.world import World, world_at

GERMAN = {"Redshank-Language": "de"}


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        yield world


async def answer(world: World, path: str, headers: dict[str, str]) -> Any:
    sent = {**await world.bearer(Role.VIEWER), **headers}
    async with world.client.get(path, headers=sent) as answer:
        assert answer.status >= 400
        return await answer.json()


@pytest.mark.parametrize(
    ("path", "english", "german"),
    [
        ("/api/hosts/db-9/sections", "there is no host 'db-9'", "es gibt keinen Host 'db-9'"),
        (
            "/api/v1/query_range?query=up&start=2&end=1&step=1",
            'invalid parameter "end": end timestamp must not be before start time',
            'ungültiger Parameter "end": das Ende darf nicht vor dem Anfang liegen',
        ),
    ],
)
async def test_scripts_of_pages_get_messages_in_the_language_of_the_page(
    world: World, path: str, english: str, german: str
) -> None:
    assert (await answer(world, path, {}))["error"] == english
    assert (await answer(world, path, {"Accept-Language": "de"}))["error"] == english
    assert (await answer(world, path, {"Redshank-Language": "fr"}))["error"] == english
    assert (await answer(world, path, GERMAN))["error"] == german


async def test_a_message_that_nobody_has_translated_stays_english(world: World) -> None:
    world.engine.answers["a + b"] = EvaluationError("many-to-many matching not allowed")
    found = await answer(world, "/api/v1/query?query=a%20%2B%20b", GERMAN)
    assert found["error"] == "many-to-many matching not allowed"


async def test_live_pages_get_messages_in_the_language_of_their_address(world: World) -> None:
    world.engine.answers["up"] = QueryTimeoutError("query timed out in expression evaluation")
    german = "die Abfrage hat bei der Auswertung zu lange gedauert"
    for address, expected in (
        (PATH, "query timed out in expression evaluation"),
        (f"{PATH}?language=de", german),
    ):
        async with world.client.ws_connect(address, headers=await world.bearer()) as socket:
            await socket.send_json({"type": "subscribe", "id": "u", "query": "up"})
            assert (await received(socket, "error"))["error"] == expected
