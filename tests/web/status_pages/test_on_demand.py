"""Status pages take memory once there is one, or once somebody opens a page of ours."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pytest_aiohttp import AiohttpClient

from storage.api.errors import StorageError
from tests.patience import PATIENCE_S
from tests.web.world import World, world_at
from web.status_pages.on_demand import StatusPagesOnDemand
from web.status_pages.upkeep import StatusUpkeep


class StoredPages:
    """The records of the status pages: what `all` returns or raises."""

    def __init__(self, found: list[object] | StorageError) -> None:
        self._found = found
        self.read = asyncio.Event()

    async def all(self) -> list[object]:
        self.read.set()
        if isinstance(self._found, StorageError):
            raise self._found
        return self._found


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        yield world


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Return the event that the upkeep has begun to look."""
    begun = asyncio.Event()

    async def run(_: StatusUpkeep) -> None:
        begun.set()

    monkeypatch.setattr(StatusUpkeep, "run", run)
    return begun


def over(world: World, stored: StoredPages) -> StatusPagesOnDemand:
    records: Any = stored
    return StatusPagesOnDemand(replace(world.services, status_pages=records))


async def test_upkeep_begins_with_the_board_if_there_is_no_page(
    world: World, begun: asyncio.Event
) -> None:
    stored = StoredPages([])
    pages = over(world, stored)
    running = asyncio.create_task(pages.run())
    await stored.read.wait()
    await asyncio.sleep(0)
    assert not running.done()
    assert not begun.is_set()
    board = await asyncio.to_thread(pages.board)
    await asyncio.wait_for(running, PATIENCE_S)
    assert begun.is_set()
    assert await asyncio.to_thread(pages.board) is board
    assert await pages.upkeep() is await pages.upkeep()


@pytest.mark.parametrize("found", [[object()], StorageError("the disk is gone")])
async def test_upkeep_begins_at_once_if_there_may_be_a_page(
    world: World, begun: asyncio.Event, found: list[object] | StorageError
) -> None:
    await asyncio.wait_for(over(world, StoredPages(found)).run(), PATIENCE_S)
    assert begun.is_set()


async def test_board_is_made_after_the_upkeep_was_cancelled(world: World) -> None:
    stored = StoredPages([])
    pages = over(world, stored)
    running = asyncio.create_task(pages.run())
    await stored.read.wait()
    await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert await asyncio.to_thread(pages.board) is not None


@pytest.mark.slow
def test_start_imports_no_module_of_status_pages_but_the_one_on_demand() -> None:
    code = (
        "import sys, daemon.server.server\n"
        "print(sorted(name for name in sys.modules if name.startswith('web.status_pages.')))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "['web.status_pages.on_demand']"
