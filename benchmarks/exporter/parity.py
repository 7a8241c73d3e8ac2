"""Lists where this host's series differ from those of node_exporter."""

import time
import urllib.request
from collections.abc import Iterable, Mapping
from contextlib import ExitStack

from benchmarks.exporter.cost import commands
from benchmarks.exporter.expositions import ComparedScrape, SeriesKey, compare, shown
from benchmarks.exporter.left_out import OF_ITS_OWN, ON_PURPOSE
from benchmarks.harness.processes import BenchmarkError, Child, work_directory

# A value is the same if it lies between those of node_exporter before and after, or near them.
_NEAR = 0.05
_PAUSE_S = 0.5
_ROUNDS = 3


def differences(port: int) -> dict[str, list[str]]:
    """Return the differences on this host, in words, by kind.

    Raises:
        BenchmarkError: node_exporter is not installed.
    """
    started = commands(port)
    if len(started) < 2:
        raise BenchmarkError("node_exporter is not in PATH")
    urls = [f"http://127.0.0.1:{port + number}/metrics" for number in range(2)]
    with ExitStack() as running:
        directory = running.enter_context(work_directory())
        for (name, command), url in zip(started.items(), urls, strict=True):
            running.enter_context(Child(name, command, directory, url))
        far: list[dict[str, str]] = []
        for _ in range(_ROUNDS):
            before = _scrape(urls[1])
            time.sleep(_PAUSE_S)
            ours = _scrape(urls[0])
            time.sleep(_PAUSE_S)
            after = _scrape(urls[1])
            found = compare(ours, before, OF_ITS_OWN | ON_PURPOSE)
            far.append(dict(_far(found.values, after.values)))
    # A value of a busy host may peak between the two scrapes of node_exporter once.
    always = set.intersection(*(set(one) for one in far))
    return {
        "missing": [shown(key) for key in found.missing if key in after.values],
        "type": [f"{name}: {one}, ours {other}" for name, (one, other) in found.types.items()],
        "help": [f"{name}: {one!r}, ours {other!r}" for name, (one, other) in found.helps.items()],
        "value": [far[-1][series] for series in sorted(always)],
        "left out": [f"{prefix}*: {reason}" for prefix, reason in ON_PURPOSE.items()],
    }


def _far(
    values: Mapping[SeriesKey, tuple[float, float]], after: Mapping[SeriesKey, float]
) -> Iterable[tuple[str, str]]:
    """Yield each series that is far from node_exporter's values, with a line about it.

    Args:
        values: by series, node_exporter's value before our scrape, and ours.
        after: node_exporter's values after our scrape.
    """
    for key, (before, ours) in values.items():
        later = after.get(key, before)
        ends = sorted((before, later))
        margin = max(_NEAR * max(map(abs, ends)), ends[1] - ends[0])
        if not ends[0] - margin <= ours <= ends[1] + margin:
            yield shown(key), f"{shown(key)}: {before} to {later}, ours {ours}"


def _scrape(url: str) -> ComparedScrape:
    with urllib.request.urlopen(url, timeout=60) as answer:
        return ComparedScrape.parse(answer.read().decode())
