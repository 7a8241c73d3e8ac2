import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pytest_aiohttp import AiohttpClient

from tests.web.world import World, world_at
from web.events.sdk.script_api import FILE
from web.http.assets import FOLDER

MOST_BYTES = 2048


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        yield world


def test_the_script_has_at_most_2_kb_compressed() -> None:
    assert len(gzip.compress((FOLDER / FILE).read_bytes(), mtime=0)) <= MOST_BYTES


def test_the_script_needs_no_permission_that_a_strict_policy_refuses() -> None:
    script = (FOLDER / FILE).read_text()
    assert not any(word in script for word in ("eval(", "Function(", "document.write", "cookie="))


async def test_pages_of_other_sites_may_load_it(world: World) -> None:
    answer = await world.client.get("/e.js", headers={"Origin": "https://shop.example"})
    assert answer.status == 200
    assert answer.content_type == "text/javascript"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "immutable" not in answer.headers["Cache-Control"]
    again = await world.client.get("/e.js", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status == 304
