"""Measures a dashboard of 30 panels over a fleet: its page, and the queries of all panels."""

import argparse
import json
import statistics
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final
from urllib.parse import urlencode

from benchmarks.harness.contenders.servers import Redshank
from benchmarks.harness.loopback import fetch
from benchmarks.harness.processes import BenchmarkError
from benchmarks.pages.scraped_fleet import scraped_fleet

_HOSTS: Final = 400
_PANELS: Final = 30
_SCRAPES: Final = 8
_REPEATS: Final = 5
# As many queries as the page sends at a time.
_AT_ONCE: Final = 4
_RANGE_S: Final = 3600
_STEP_S: Final = 15
_QUERIES: Final = (
    "sum by (mode) (rate(node_cpu_seconds_total[1m]))",
    "avg(node_load1)",
    "topk(5, 1 - avg by (instance) (rate(node_cpu_seconds_total{mode='idle'}[1m])))",
    "sum(node_memory_MemAvailable_bytes) / sum(node_memory_MemTotal_bytes)",
    "sum by (instance) (rate(node_network_receive_bytes_total[1m]))",
    "quantile(0.95, node_load5)",
    "sum(rate(node_disk_read_bytes_total[1m]))",
    "max by (mountpoint) (1 - node_filesystem_avail_bytes / node_filesystem_size_bytes)",
    "count(up == 1)",
    "sum(rate(node_context_switches_total[1m]))",
)


def measure_dashboard(options: argparse.Namespace) -> Mapping[str, float]:
    """Return the time from the request of the page until all panels have their values."""
    with scraped_fleet(options, _HOSTS, _SCRAPES) as server:
        make_dashboard(server)
        times_s = [_load(server) for _ in range(_REPEATS + 1)]
    # The first load imports the pages.
    return {"dashboard_30_s": statistics.median(times_s[1:])}


def make_dashboard(server: Redshank) -> None:
    """Make the dashboard of 30 panels, `/dashboards/bench`."""
    panels = [
        {"id": number + 1, "title": f"Panel {number}", "queries": [{"expr": _query(number)}]}
        | {"place": {"x": number % 3 * 8, "y": number // 3 * 8, "w": 8, "h": 8}}
        for number in range(_PANELS)
    ]
    body = {"uid": "bench", "dashboard": {"title": "Thirty panels", "panels": panels}}
    headers = {**server.headers(), "Content-Type": "application/json"}
    fetch(f"{server.url}/api/dashboards", json.dumps(body).encode(), headers)


def _query(number: int) -> str:
    return _QUERIES[number % len(_QUERIES)]


def _load(server: Redshank) -> float:
    """Return how long the page and all its queries take."""
    headers = server.headers()
    end_s = int(time.time()) // _STEP_S * _STEP_S

    def ask(number: int) -> None:
        times = {"start": end_s - _RANGE_S, "end": end_s, "step": _STEP_S}
        form = urlencode({"query": _query(number), **times}).encode()
        url = f"{server.url}/api/v1/query_range"
        answer: Any = json.loads(fetch(url, form, headers))
        if not answer["data"]["result"]:
            raise BenchmarkError(f"{_query(number)} has no result")

    began_s = time.perf_counter()
    fetch(f"{server.url}/dashboards/bench", None, {**headers, "Accept": "text/html"})
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(ask, range(_PANELS)))
    return time.perf_counter() - began_s
