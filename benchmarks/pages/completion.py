"""Measures what the completion of Explore asks, beside a million series."""

import argparse
import json
import statistics
import time
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

from benchmarks.harness.contenders.servers import Redshank
from benchmarks.harness.loopback import fetch
from benchmarks.harness.processes import BenchmarkError
from benchmarks.pages.scraped_fleet import scraped_fleet

# Of some 530 series each.
_HOSTS: Final = 2000
_SCRAPES: Final = 2
_REPEATS: Final = 7
_MOST: Final = 5000
_METRIC: Final = "node_cpu_seconds_total"


def _requests() -> Mapping[str, tuple[str, list[tuple[str, str]]]]:
    """Return the requests of the page's script, by what the reader types."""
    limit, match = ("limit", str(_MOST)), ("match[]", _METRIC)
    return {
        "metrics": ("/api/v1/label/__name__/values", [limit]),
        "metadata": ("/api/v1/metadata", [("limit_per_metric", "1")]),
        "labels": ("/api/v1/labels", [limit, match]),
        "values": ("/api/v1/label/instance/values", [limit, match]),
    }


def measure_completion(options: argparse.Namespace) -> Mapping[str, float]:
    """Return the median time of the slowest request, and the number of series."""
    with scraped_fleet(options, _HOSTS, _SCRAPES) as server:
        return _completion(server)


def _completion(server: Redshank) -> Mapping[str, float]:
    headers = {**server.headers(), "Accept": "application/json"}
    slowest_s = 0.0
    for path, parameters in _requests().values():
        times_s = []
        for number in range(_REPEATS + 1):
            began_s = time.perf_counter()
            answer = json.loads(fetch(f"{server.url}{path}?{urlencode(parameters)}", None, headers))
            if number:
                times_s.append(time.perf_counter() - began_s)
        if not answer["data"]:
            raise BenchmarkError(f"{path} has no data")
        slowest_s = max(slowest_s, statistics.median(times_s))
    status = json.loads(fetch(f"{server.url}/api/v1/status/tsdb", None, headers))
    series = float(status["data"]["headStats"]["numSeries"])
    return {"completion_1m_ms": slowest_s * 1000, "completion_series": series}
