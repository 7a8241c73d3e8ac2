"""Measures what hundreds of open pages cost a server that scrapes a large fleet."""

import argparse
import asyncio
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Final

from benchmarks.harness.attacks.accounts import add_users
from benchmarks.harness.contenders.servers import Redshank
from benchmarks.harness.load.target_process import target_address
from benchmarks.harness.processes import BenchmarkError
from benchmarks.harness.reporting.command import progress
from benchmarks.pages.reader import OpenPage, ReaderOfPages
from benchmarks.pages.scraped_fleet import scraped_fleet

_SCRAPES: Final = 3
_ROLES: Final = {"viewer": 15, "editor": 4, "admin": 1}
_SHARED_PAGES: Final = (
    *(["/live/hosts"] * 10),
    *(["/live/hosts?sort=cpu&order=desc"] * 3),
    *(["/live/hosts?q=127.0.1."] * 2),
    *(["/live/alerts"] * 3),
    "/live/targets",
    "/live/silences",
)
"""The pages that each of the twenty readers has open, beside those of single hosts."""
_OWN_HOSTS: Final = 5
_SETTLE_S: Final = 20.0
"""Pages load their charts, and the server has rendered each row once."""


def measure_open_pages(options: argparse.Namespace) -> Mapping[str, float]:
    """Return the CPU that 500 open pages of twenty readers take."""
    with scraped_fleet(options, options.hosts, _SCRAPES) as server:
        port = server.plan.targets[0].rpartition(":")[2]
        tokens = [
            token
            for role, number in _ROLES.items()
            for token in add_users(server, [f"{role}-{each}" for each in range(number)], role)
        ]
        pages = [_pages(number, options.hosts, port) for number in range(len(tokens))]
        return asyncio.run(_measure(server, dict(zip(tokens, pages, strict=True)), options.seconds))


def _pages(reader: int, hosts: int, port: str) -> list[str]:
    own = (target_address((reader * _OWN_HOSTS + each) % hosts) for each in range(_OWN_HOSTS))
    return [*_SHARED_PAGES, *(f"/live/host/{address}%3A{port}" for address in own)]


async def _measure(
    server: Redshank, pages: Mapping[str, list[str]], seconds: float
) -> Mapping[str, float]:
    """Return the figures of open pages.

    Args:
        server: what is measured.
        pages: the pages of each reader, by token.
        seconds: of open pages, and of none before and after them.
    """
    before_s = await _cpu_s(server, seconds / 2)
    before_bytes = server.usage().rss_bytes
    opened: list[OpenPage] = []
    async with AsyncExitStack() as stack:
        for number, (token, own) in enumerate(pages.items()):
            address = f"127.0.250.{number + 1}"
            reader = await stack.enter_async_context(ReaderOfPages(server.url, token, address))
            opened += [await reader.open(page) for page in own]
            progress(f"{len(opened)} pages are open")
        progress(f"measuring for {seconds:.0f} s")
        await asyncio.sleep(_SETTLE_S)
        for each in opened:
            each.reset()
        began_s, open_s = time.perf_counter(), await _cpu_s(server, seconds)
        elapsed_s = time.perf_counter() - began_s
        grown_bytes = server.usage().rss_bytes - before_bytes
        silent = [each.name for each in opened if not each.messages and each.is_expected_to_change]
        received = sum(each.size_bytes for each in opened)
        lag_s = max(each.longest_pause_s for each in opened if each.is_expected_to_change)
    if silent:
        raise BenchmarkError(f"{len(silent)} open pages got no update, such as {silent[0]}")
    idle_s = before_s + await _cpu_s(server, seconds / 2)
    return {
        "pages_500_cores": (open_s - idle_s) / elapsed_s,
        "pages_500_count": float(len(opened)),
        "pages_500_rss_mb": grown_bytes / 1e6,
        "pages_500_mb_per_s": received / elapsed_s / 1e6,
        "pages_500_longest_pause_s": lag_s,
    }


async def _cpu_s(server: Redshank, seconds: float) -> float:
    """Return how much CPU time, in seconds, the server uses during the next `seconds`."""
    began_s = server.usage().cpu_s
    await asyncio.sleep(seconds)
    return server.usage().cpu_s - began_s
