"""Measures the hosts page of a server that scrapes a large fleet."""

import argparse
import asyncio
import gzip
import statistics
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

import aiohttp

from benchmarks.harness.contenders.servers import Redshank
from benchmarks.harness.loopback import fetch
from benchmarks.harness.processes import BenchmarkError
from benchmarks.harness.reporting.command import progress
from benchmarks.pages.reader import subscribed
from benchmarks.pages.scraped_fleet import scraped_fleet

_UPDATE_S: Final = 5.0
"""The page's pace, the default: what is kept from one update to the next counts as it is."""
_REQUESTS: Final = 7
_SCRAPES: Final = 3


def measure_hosts_page(options: argparse.Namespace) -> Mapping[str, float]:
    """Return the page's time, its size and the CPU of an update."""
    with scraped_fleet(options, options.hosts, _SCRAPES) as server:
        time_s, size_bytes = _page(server, options.hosts)
        progress(f"measuring live updates for {2 * options.seconds:.0f} s")
        update_s, bytes_each = asyncio.run(_update_cpu_s(server, options.seconds))
    return {
        "hosts_1000_s": time_s,
        "hosts_kb": size_bytes / 1000,
        "hosts_update_cpu_ms": update_s * 1000,
        "hosts_update_kb": bytes_each / 1000,
    }


def _page(server: Redshank, hosts: int) -> tuple[float, int]:
    """Return the median time of the page, and its compressed size."""
    headers = {**server.headers(), "Accept": "text/html", "Accept-Encoding": "gzip"}
    times_s, size_bytes = [], 0
    for number in range(_REQUESTS + 1):
        # The server keeps what it has read for a second.
        time.sleep(1.1)
        began_s = time.perf_counter()
        body = fetch(server.url + "/", headers=headers)
        if number:  # the first one imports the pages
            times_s.append(time.perf_counter() - began_s)
        size_bytes = len(body)
    shown = gzip.decompress(body).count(b'<tr id="host-')
    if shown != hosts:
        raise BenchmarkError(f"the page shows {shown} of {hosts} hosts")
    return statistics.median(times_s), size_bytes


async def _update_cpu_s(server: Redshank, seconds: float) -> tuple[float, float]:
    """Return the server's CPU time and the bytes of one update of an open page."""
    before_s = await _idle_cpu_s(server, seconds / 2)
    messages, size_bytes = 0, 0
    async with (
        aiohttp.ClientSession(headers=server.headers()) as session,
        await subscribed(session, server.url, "/live/hosts") as socket,
    ):
        began_s, cpu_s = time.perf_counter(), server.usage().cpu_s
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while True:
                    text = await socket.receive_str()
                    if '"type":"region"' in text:
                        messages, size_bytes = messages + 1, size_bytes + len(text)
        elapsed_s = time.perf_counter() - began_s
        open_s = server.usage().cpu_s - cpu_s
    idle_s = (before_s + await _idle_cpu_s(server, seconds / 2)) / seconds
    # An update without a change sends nothing.
    updates = max(messages, round(elapsed_s / _UPDATE_S))
    return (open_s - idle_s * elapsed_s) / updates, size_bytes / updates


async def _idle_cpu_s(server: Redshank, seconds: float) -> float:
    """Return the CPU time that the server spends while no page is open."""
    began_s = server.usage().cpu_s
    await asyncio.sleep(seconds)
    return server.usage().cpu_s - began_s
