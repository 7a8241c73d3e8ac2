"""Regions that several open pages show."""

import asyncio
import gc
import json
import weakref
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from web.live.region_html import ROWS, RegionHtml
from web.live.shared_regions import MOST_STATES, RegionReader, SharedRegion, SharedRegions


class Source:
    """Renders a region of rows, and counts how often.

    Attributes:
        rows: the HTML of the rows by their ids.
        renderings: how often they were rendered.
        latest: the latest rendering.
        began: set once a rendering has begun.
        wait: awaited in each rendering.
    """

    def __init__(self) -> None:
        self.rows: dict[str, str] = {"a": "<tr a>", "b": "<tr b>"}
        self.renderings = 0
        self.latest = RegionHtml("")
        self.began = asyncio.Event()
        self.wait: Callable[[], Awaitable[object]] = lambda: asyncio.sleep(0)

    async def render(self) -> RegionHtml:
        """Return the region."""
        self.renderings += 1
        rows = dict(self.rows)
        self.began.set()
        await self.wait()
        self.latest = RegionHtml(f"<table>{ROWS}</table>", rows)
        return self.latest


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def region(source: Source) -> SharedRegion:
    return SharedRegion(source.render, lambda: 1000)


def readers(region: SharedRegion, names: Sequence[str]) -> list[RegionReader]:
    async def find() -> SharedRegion:
        return region

    return [RegionReader(name, find) for name in names]


def fields(body: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(body)
    return found


async def test_readers_of_one_moment_share_a_rendering(
    source: Source, region: SharedRegion
) -> None:
    own = readers(region, [f"page-{number}" for number in range(50)])
    since_s = asyncio.get_running_loop().time()
    bodies = await asyncio.gather(*(each.read(since_s) for each in own))
    assert source.renderings == 1
    assert [fields(body)["id"] for body in bodies] == [f"page-{number}" for number in range(50)]
    assert {fields(body)["html"] for body in bodies} == {"<table><tr a><tr b></table>"}


async def test_reader_who_comes_later_gets_everything_and_the_others_the_change(
    source: Source, region: SharedRegion
) -> None:
    first, second = readers(region, ["one", "two"])
    await first.read(1.0)
    source.rows["b"] = "<tr b2>"
    later_s = asyncio.get_running_loop().time() + 10
    whole = fields(await second.read(later_s))
    assert (whole["whole"], whole["html"]) == (True, "<table><tr a><tr b2></table>")
    change = {"type": "region", "id": "one", "now_ms": 1000, "html": "<tr b2>"}
    assert fields(await first.read(later_s)) == change
    assert source.renderings == 2
    assert await first.read(later_s) == b""


async def test_state_from_before_the_asked_time_is_rendered_again(
    source: Source, region: SharedRegion
) -> None:
    first, second = readers(region, ["one", "two"])
    released = asyncio.Event()
    source.wait = released.wait
    now_s = asyncio.get_running_loop().time()
    early = asyncio.create_task(first.read(now_s))
    await source.began.wait()
    # The rendering has begun, and may have read what changes now.
    late = asyncio.create_task(second.read(now_s + 5))
    source.rows["a"] = "<tr a2>"
    released.set()
    await early
    assert "<tr a2>" in fields(await late)["html"]
    assert source.renderings == 2


async def test_reader_who_leaves_during_the_rendering_takes_nobody_along(
    source: Source, region: SharedRegion
) -> None:
    first, second = readers(region, ["one", "two"])
    source.wait = asyncio.Event().wait
    now_s = asyncio.get_running_loop().time()
    leaving = asyncio.create_task(first.read(now_s))
    staying = asyncio.create_task(second.read(now_s))
    await source.began.wait()
    source.wait = lambda: asyncio.sleep(0)
    leaving.cancel()
    assert fields(await staying)["whole"] is True


async def test_failure_reaches_the_reader_and_the_next_read_tries_again(
    source: Source, region: SharedRegion
) -> None:
    (reader,) = readers(region, ["one"])

    async def fail() -> None:
        raise OSError("disk")

    source.wait = fail
    with pytest.raises(OSError, match="disk"):
        await reader.read(1.0)
    source.wait = lambda: asyncio.sleep(0)
    assert fields(await reader.read(1.0))["whole"] is True


async def test_reader_who_lost_a_message_gets_everything(
    source: Source, region: SharedRegion
) -> None:
    (reader,) = readers(region, ["one"])
    await reader.read(1.0)
    reader.forget()
    assert fields(await reader.read(1.0))["whole"] is True


async def test_state_that_returns_to_what_a_reader_has_sends_nothing(
    source: Source, region: SharedRegion
) -> None:
    first, second = readers(region, ["one", "two"])
    now_s = asyncio.get_running_loop().time()
    await first.read(now_s)
    source.rows["a"] = "<tr a2>"
    await second.read(now_s + 10)
    source.rows["a"] = "<tr a>"
    assert await first.read(now_s + 20) == b""


async def test_few_states_are_kept_however_many_readers_are_behind(
    source: Source, region: SharedRegion
) -> None:
    now_s = asyncio.get_running_loop().time()
    behind = readers(region, ["page-1"] * 50)
    states: list[weakref.ref[RegionHtml]] = []
    for number, reader in enumerate(behind):
        source.rows["b"] = f"<tr b{number}>"
        # Each has seen a state that no other reader has.
        await reader.read(now_s + 10 * number)
        states.append(weakref.ref(source.latest))
    source.latest = RegionHtml("")
    gc.collect()
    assert sum(state() is not None for state in states) == MOST_STATES


async def test_reader_who_is_far_behind_gets_everything(
    source: Source, region: SharedRegion
) -> None:
    near, far, other = readers(region, ["near", "far", "other"])
    now_s = asyncio.get_running_loop().time()
    await far.read(now_s)
    for number in range(MOST_STATES):
        source.rows["b"] = f"<tr b{number}>"
        await other.read(now_s + 10 * (number + 1))
        if not number:
            await near.read(now_s + 10)
    last_s = now_s + 10 * MOST_STATES
    assert "whole" not in fields(await near.read(last_s))
    whole = fields(await far.read(last_s))
    assert (whole["whole"], whole["html"]) == (True, f"<table><tr a><tr b{number}></table>")


def test_region_is_kept_as_long_as_somebody_reads_it(source: Source) -> None:
    regions = SharedRegions(lambda: 0)
    kept = regions.of("key", source.render)
    assert regions.of("key", source.render) is kept
    assert regions.of("other", source.render) is not kept
    gone = weakref.ref(kept)
    del kept
    gc.collect()
    assert gone() is None
