"""Random queries, and those of the public compliance tests, are answered as by Prometheus 3.5."""

import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from random import Random

import pytest

from promql.engine import EngineSettings
from tests.promql import compliance
from tests.promql.differential import (
    OurServer,
    PeerServer,
    Times,
    compared,
    name_of,
    outcomes,
    servers,
)
from tests.promql.random_samples import BASE_MS, INTERVAL_MS

Both = tuple[OurServer, PeerServer]


def _is_recent() -> bool:
    if not (shutil.which("prometheus") and shutil.which("promtool")):
        return False
    found = subprocess.run(["prometheus", "--version"], check=True, capture_output=True, text=True)
    version = re.search(r"version (\d+)\.(\d+)", found.stdout + found.stderr)
    return version is not None and (int(version[1]), int(version[2])) >= (3, 5)


pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(not _is_recent(), reason="needs prometheus and promtool from 3.5 on"),
]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    """Yield our server and Prometheus over the samples of the random queries."""
    with servers(tmp_path_factory.mktemp("random"), EngineSettings(timeout_s=30)) as found:
        yield found


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_random_queries_are_answered_like_prometheus(both: Both) -> None:
    unexplained = []
    for query, times, ours, theirs in outcomes(both, 3_000, seed=11):
        found = compared(ours, theirs, query, times)
        if found is not None and found.part in ("status", "data") and not name_of(found):
            unexplained.append((found.part, query, times))
    assert unexplained == []


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_parse_errors_of_mutated_queries_are_those_of_prometheus(both: Both) -> None:
    rejected = Counter[bool]()
    different = []
    for query, times, ours, theirs in outcomes(both, 3_000, seed=12, mutate=True):
        if HTTPStatus.BAD_REQUEST not in (ours.status, theirs.status):
            continue
        is_equal = compared(ours, theirs, query, times) is None
        rejected[is_equal] += 1
        if not is_equal:
            different.append((query, ours.error, theirs.error))
    assert rejected.total() > 1_000
    assert rejected[True] >= 0.99 * rejected.total(), different


def test_compliance_queries_are_answered_like_prometheus(tmp_path: Path) -> None:
    scrapes = 4 * 3_600_000 // INTERVAL_MS // 2
    store = compliance.samples(BASE_MS, scrapes, INTERVAL_MS)
    start_ms = BASE_MS + 3_600_000
    times = Times(start_ms, start_ms + 20 * 60_000, 10_000)
    different = []
    with servers(tmp_path, EngineSettings(timeout_s=30), store) as (ours, theirs):
        for query in compliance.queries():
            found = compared(ours.outcome(query, times), theirs.outcome(query, times), query, times)
            if found is not None and found.part in ("status", "data"):
                different.append((found.part, query))
    assert different == []


@pytest.mark.parametrize("function", ["sort_by_label", "sort_by_label_desc"])
def test_label_values_are_sorted_like_prometheus(both: Both, function: str) -> None:
    # Without "": where Prometheus puts series without the label depends on their order.
    values = [
        "#1", "-1", "/dev/sda", "0", "7", "9", "9a", "10", "10a", "1.5", "1.10", "a", "a2", "a10",
        "a2b", "a2b9", "a2b10", "Z", "a_", "x 1", "~", "é", "٣", "9223372036854775807",
    ]  # fmt: skip
    Random(1).shuffle(values)
    series = (f"label_replace(vector(1), 'v', '{value}', '', '')" for value in values)
    query = f"{function}({' or '.join(series)}, 'v')"
    answers = [server.outcome(query, Times(BASE_MS, BASE_MS)).data for server in both]
    mine, other = ([each["metric"]["v"] for each in data["result"]] for data in answers)
    assert len(mine) == len(values)
    assert mine == other
