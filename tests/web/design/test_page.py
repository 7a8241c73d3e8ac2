import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
from pytest_aiohttp import AiohttpClient

from storage.api.accounts import Role
from tests.web.world import World, world_at
from web.http.assets import FOLDER

WEB: Final = FOLDER.parent
TOKENS: Final = re.findall(
    r"^ +--([a-z0-9-]+): light-dark", (FOLDER / "redshank.css").read_text(), re.MULTILINE
)
ICONS: Final = re.findall(
    r'name == "([a-z_]+)"', (WEB / "http" / "templates" / "icons.html").read_text()
)
COMPONENTS: Final = re.findall(
    r"macro ([a-z_]+)\(", (WEB / "http" / "templates" / "components.html").read_text()
)
TEMPLATE: Final = (WEB / "design" / "templates" / "page.html").read_text()


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        yield world


async def test_every_colour_icon_and_component_is_shown(world: World) -> None:
    page = await world.page("/design")
    # The lines of a chart's grid are no colour of a page.
    assert [name for name in TOKENS if f"<code>--{name}</code>" not in page] == ["chart-grid"]
    assert [name for name in ICONS if f"<code>{name}</code>" not in page] == []
    assert [name for name in COMPONENTS if f"{name}(" not in TEMPLATE] == []


async def test_only_administrators_see_the_design(world: World) -> None:
    assert "You are not allowed" in await world.page("/design", 403, Role.EDITOR)
