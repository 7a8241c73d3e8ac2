"""Routes on demand: each is found, and those of programs import no page."""

import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp.test_utils import make_mocked_request
from pytest_aiohttp import AiohttpClient

from tests.web.world import World, world_at
from web.http.routing import ROUTES


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        yield world


async def test_every_route_is_below_a_prefix_of_its_group(world: World) -> None:
    app = world.client.app
    assert app is not None
    missed = []
    for method, pattern in app[ROUTES]:
        request = make_mocked_request(method, re.sub(r"\{\w+\}", "1", pattern))
        match = await app.router.resolve(request)
        resource = match.route.resource
        if resource is None or resource.canonical != pattern:
            missed.append(f"{method} {pattern}: {match!r}")
    assert not missed


@pytest.mark.slow
@pytest.mark.parametrize("group", ["accounts", "alertmanager", "analytics", "hosts", "sessions"])
def test_routes_of_programs_import_no_page(group: str) -> None:
    code = (
        f"import sys, web.further_routes.{group}\n"
        "print(sorted({'jinja2', 'web.pages', 'web.dashboards'} & sys.modules.keys()))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


@pytest.mark.slow
def test_a_start_imports_no_group() -> None:
    code = (
        "import sys, daemon.server.server\n"
        "print(sorted(name for name in sys.modules if name.startswith('web.further_routes.')))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "['web.further_routes.groups']"
