import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pytest_aiohttp import AiohttpClient
from yarl import URL

from tests.web.web_doubles import World, world_at
from web.http.assets import FOLDER, Assets

VENDOR = FOLDER / "vendor"


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        yield world


def test_vendored_files_are_those_of_the_manifest() -> None:
    packages = json.loads((VENDOR / "manifest.json").read_text())
    listed = {
        f"{package['folder']}/{name}": digest
        for package in packages
        for name, digest in package["files"].items()
    }
    found = {
        str(path.relative_to(VENDOR)): hashlib.sha512(path.read_bytes()).hexdigest()
        for path in VENDOR.rglob("*")
        if path.is_file() and path.name != "manifest.json"
    }
    assert found == listed
    for package in packages:
        assert "LICENSE" in package["files"]
        assert {"name", "version", "license", "package_sha512"} <= package.keys()


async def test_file_with_its_hash_is_kept_for_good(world: World) -> None:
    assets = await asyncio.to_thread(Assets.read)
    url = assets.url("vendor/htmx/htmx.min.js")
    answer = await world.client.get(url)
    assert answer.status == 200
    assert answer.content_type == "text/javascript"
    assert "immutable" in answer.headers["Cache-Control"]
    assert hashlib.sha256(await answer.read()).hexdigest().startswith(url.split("v=")[1])
    again = await world.client.get(url, headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status == 304
    bare = await world.client.get("/static/vendor/htmx/htmx.min.js")
    assert bare.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2fapp.py",
        "/static/%2e%2e%2fapp.py",
        "/static//etc/passwd",
        "/static/%2fetc%2fpasswd",
        "/static/....//app.py",
        "/static/..%5capp.py",
        "/static/vendor/manifest.json",
        "/static/redshank.css%00.png",
        "/static/",
        "/static",
    ],
)
async def test_path_leads_nowhere_but_to_static_files(world: World, path: str) -> None:
    url = URL(str(world.client.make_url("/")).rstrip("/") + path, encoded=True)
    answer = await world.client.session.get(url, allow_redirects=False)
    assert answer.status == 404
