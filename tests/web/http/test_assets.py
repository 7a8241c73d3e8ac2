import asyncio
import hashlib
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pytest_aiohttp import AiohttpClient
from yarl import URL

from tests.web.world import World, world_at
from web.http.assets import FOLDER, Assets

ASSETS = Assets.read()
MODULES = sorted(path for path in FOLDER.rglob("*.js") if "vendor" not in path.parts)
VENDORED = (FOLDER / "vendor", Path(__file__).parents[2] / "vendor")


def templates() -> list[str]:
    return [path.read_text() for path in FOLDER.parent.glob("*/templates/*.html")]


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        yield world


@pytest.mark.parametrize("folder", VENDORED, ids=["served", "of tests"])
def test_vendored_files_are_those_of_the_manifest(folder: Path) -> None:
    packages = json.loads((folder / "manifest.json").read_text())
    listed = {
        f"{package['folder']}/{name}": digest
        for package in packages
        for name, digest in package["files"].items()
    }
    found = {
        str(path.relative_to(folder)): hashlib.sha512(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "manifest.json"
    }
    assert found == listed
    for package in packages:
        assert "LICENSE" in package["files"]
        assert {"name", "version", "license", "package_sha512"} <= package.keys()


async def test_file_with_current_version_is_cached_forever(world: World) -> None:
    assets = await asyncio.to_thread(Assets.read)
    url = assets.url("vendor/uplot/uPlot.iife.min.js")
    answer = await world.client.get(url)
    assert answer.status == 200
    assert answer.content_type == "text/javascript"
    assert "immutable" in answer.headers["Cache-Control"]
    again = await world.client.get(url, headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status == 304


@pytest.mark.parametrize("version", ["", "0123456789abcdef/"])
async def test_file_without_the_current_version_is_checked_each_time(
    world: World, version: str
) -> None:
    answer = await world.client.get(f"/static/{version}vendor/uplot/uPlot.iife.min.js")
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-cache"


def test_version_changes_with_any_file(tmp_path: Path) -> None:
    (tmp_path / "page.js").write_text("1")
    (tmp_path / "library.js").write_text("1")
    before = Assets.read(tmp_path).url("page.js")
    (tmp_path / "library.js").write_text("2")
    assert Assets.read(tmp_path).url("page.js") != before
    with pytest.raises(KeyError):
        Assets.read(tmp_path).url("missing.js")


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
        "/static/0123456789abcdef/../app.py",
        "/static/0123456789abcdef//etc/passwd",
        "/static/0123456789abcdef/0123456789abcdef/vendor/uplot/uPlot.min.css",
        "/static/",
        "/static",
    ],
)
async def test_no_path_leads_out_of_the_static_files(world: World, path: str) -> None:
    url = URL(str(world.client.make_url("/")).rstrip("/") + path, encoded=True)
    answer = await world.client.session.get(url, allow_redirects=False)
    assert answer.status == 404


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_imports_of_our_modules_are_found(path: Path) -> None:
    found = {
        str((path.parent / each).resolve().relative_to(FOLDER))
        for each in re.findall(
            r"""(?:from|^import) ["'](\.[^"']+)""", path.read_text(), re.MULTILINE
        )
    }
    assert found <= set(ASSETS.imported(str(path.relative_to(FOLDER))))


def test_imports_are_followed_and_named_once(tmp_path: Path) -> None:
    modules = {
        "page.js": 'import { a } from "./lib/a.js";\nimport "./lib/b.js";\nimport("./later.js");\n',
        "lib/a.js": 'export { c } from "../c.js";\nimport {\n  b,\n} from "./b.js";\n',
        "lib/b.js": 'import { a } from "./a.js";\n// import { later } from "../later.js";\n',
        "c.js": "export const text = \"import x from './later.js'\";\n",
        "later.js": "",
    }
    (tmp_path / "lib").mkdir()
    for name, text in modules.items():
        (tmp_path / name).write_text(text)
    assert Assets.read(tmp_path).imported("page.js") == ["lib/a.js", "lib/b.js", "c.js"]


def test_import_of_a_file_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "page.js").write_text('import { a } from "./lib.js";\n')
    with pytest.raises(KeyError, match="lib"):
        Assets.read(tmp_path).imported("page.js")


async def test_joined_sheets_are_one_file_in_their_order(world: World) -> None:
    assets = await asyncio.to_thread(Assets.read)
    url = assets.joined_url("parts.css", "palette/palette.css")
    answer = await world.client.get(url)
    assert answer.status == 200
    assert answer.content_type == "text/css"
    assert "immutable" in answer.headers["Cache-Control"]
    names = ("parts.css", "palette/palette.css")
    parts = await asyncio.to_thread(lambda: [(FOLDER / name).read_text() for name in names])
    assert await answer.text() == "\n".join(parts)


@pytest.mark.parametrize(
    "name", ["parts.css+no.css", "parts.css+lib~dom.js", "+", "+".join(["parts.css"] * 13)]
)
async def test_only_sheets_are_joined(world: World, name: str) -> None:
    assert (await world.client.get(f"/static/{name}")).status == 404


def test_sheets_in_folders_name_no_files_that_joining_would_move() -> None:
    joined = set(re.findall(r"sheets\(([^)]+)\)", "\n".join(templates())))
    names = {name for each in joined for name in re.findall(r'"([^"]+)"', each)}
    assert "palette/palette.css" in names
    for name in names:
        if "/" in name:
            assert not re.search(r"url\((?!\s*[\"']?data:)", (FOLDER / name).read_text()), name
