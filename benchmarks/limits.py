"""The latency of small queries beside excessive ones: `./run bench limits`.

Queries ask a store of a million series for all of them, or for 10**9 samples. While each
of them runs, another client queries `up` repeatedly.
"""

import argparse
import http.client
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.harness.contenders.contender import ScrapePlan
from benchmarks.harness.contenders.query_paths import instant_path, range_path
from benchmarks.harness.contenders.servers import Redshank
from benchmarks.harness.contenders.store_import import import_text
from benchmarks.harness.load.repetition import repeated
from benchmarks.harness.measuring.query_client import connected
from benchmarks.harness.processes import work_directory
from benchmarks.harness.reporting.command import argument_parser, comma_separated, progress, run
from benchmarks.harness.reporting.report import Limit, Measure, Report

_MEASURES = (
    Measure("status", "status", 0),
    Measure("heavy_s", "until its end\ns"),
    Measure("answer_mb", "answer\nMB", 1),
    Measure("others_p50_ms", "others p50\nms", 1),
    Measure("others_worst_ms", "others worst\nms", 1),
    Measure("rss_peak_mb", "RSS peak\nMB", 0),
)
_LIMITS = (Limit("others_worst_ms", 200.0),)
_SERIES_AN_INSTANCE = 500
_SAMPLES = 4
_INTERVAL_S = 15
_RANGE_S = 3600
_PAUSE_S = 0.02
_BEFORE_S = 0.2
_QUERY_TIMEOUT_S = 120.0

_INSTANTS = {
    "all": "big",
    "sum": "sum(rate(big[5m]))",
    "by": "count by (n) (big)",
    "sort": "sort_desc(big)",
    "top": "topk(5, big)",
    "join": "big / on (instance, n) big",
    "replace": 'label_replace(big, "m", "x$1", "n", "(.*)")',
    "gone": "absent(big)",
}
_RANGES = {
    "all_range": "big",
    "sum_range": "sum(big)",
    "billion": "quantile_over_time(0.5, vector(1)[1000000s:1ms])",
    "long_subquery": "sum_over_time(sin(vector(time()))[300000s:1s])",
}
_QUERIES = {**_INSTANTS, **_RANGES}
_SMALL = 'up{instance="host00000"}'


def write_series(path: Path, series: int, end_s: int) -> None:
    """Write OpenMetrics text with some number of series, and `up` of each instance."""
    times = [end_s - _INTERVAL_S * back for back in range(_SAMPLES)][::-1]
    with path.open("w", buffering=1 << 20) as file:
        for number in range(-(-series // _SERIES_AN_INSTANCE)):
            instance = f'instance="host{number:05}",job="big"'
            file.writelines(f"up{{{instance}}} 1 {at}\n" for at in times)
            file.writelines(
                f'big{{{instance},n="{n}"}} {number + n * 0.5} {at}\n'
                for n in range(min(_SERIES_AN_INSTANCE, series - number * _SERIES_AN_INSTANCE))
                for at in times
            )
        file.write("# EOF\n")


@dataclass(slots=True)
class Probe:
    """The latencies that another client sees."""

    waits_s: list[float] = field(default_factory=list)
    rss_peak_bytes: int = 0


@contextmanager
def probing(server: Redshank, path: str) -> Iterator[Probe]:
    """Send a small query repeatedly while a `with` block runs."""
    with connected(server) as client:
        probe = Probe()

        def ask() -> None:
            begun_s = time.perf_counter()
            client.get(path)
            probe.waits_s.append(time.perf_counter() - begun_s)
            probe.rss_peak_bytes = max(probe.rss_peak_bytes, server.usage().rss_bytes)

        with repeated(ask, _PAUSE_S):
            yield probe


def measure(server: Redshank, path: str, small: str) -> dict[str, float]:
    """Send an excessive query; return its figures and those of the other client."""
    with probing(server, small) as probe:
        time.sleep(_BEFORE_S)
        begun_s = time.perf_counter()
        with closing(http.client.HTTPConnection(server.listen, timeout=300)) as connection:
            connection.request("GET", path, headers=server.headers())
            answer = connection.getresponse()
            size = 0
            while piece := answer.read(1 << 20):
                size += len(piece)
        heavy_s = time.perf_counter() - begun_s
    return {
        "status": answer.status,
        "heavy_s": heavy_s,
        "answer_mb": size / 1e6,
        "others_p50_ms": statistics.median(probe.waits_s) * 1000,
        "others_worst_ms": max(probe.waits_s) * 1000,
        "rss_peak_mb": probe.rss_peak_bytes / 1e6,
    }


def load(data: Path, series: int, end_s: int) -> None:
    """Import some number of series into a store."""
    progress(f"importing {series:,} series")
    text = data.with_name("big.om")
    write_series(text, series, end_s)
    import_text(text, data)
    text.unlink()


def heavy_path(name: str, end_s: int) -> str:
    """Return the path of an excessive query."""
    query = _QUERIES[name]
    if name in _RANGES:
        return range_path(query, end_s - _RANGE_S, end_s, _INTERVAL_S)
    return instant_path(query, end_s, timeout=f"{_QUERY_TIMEOUT_S:g}s")


def ask_all(server: Redshank, names: Sequence[str], end_s: int) -> dict[str, dict[str, float]]:
    """Return the figures of each query, one after the other."""
    found = {}
    for name in names:
        progress(f"{name}: {_QUERIES[name]}")
        found[name] = measure(server, heavy_path(name, end_s), instant_path(_SMALL, end_s))
        progress(str({key: round(value, 2) for key, value in found[name].items()}))
    return found


def report(found: Mapping[str, Mapping[str, float]], series: int) -> Report:
    """Return the figures of each query, and the worst of all."""
    worst = {
        measure.key: max(figures[measure.key] for figures in found.values())
        for measure in _MEASURES
    }
    titles = {**{name: _QUERIES[name] for name in found}, Redshank.key: "the worst of all"}
    setup = f"{series:,} series x {_SAMPLES} samples; another client queries one `up`"
    return Report("limits", setup, _MEASURES, {**found, Redshank.key: worst}, titles, _LIMITS)


def compare(options: argparse.Namespace) -> Report:
    """Load a store and send it excessive queries."""
    names = [name for name in _QUERIES if not options.only or name in options.only]
    end_s = int(time.time()) // _INTERVAL_S * _INTERVAL_S
    with work_directory(options.work_dir) as directory:
        server = Redshank(ScrapePlan([], 60.0), directory)
        load(server.data_directory, options.series, end_s)
        with server:
            found = ask_all(server, names, end_s)
    return report(found, options.series)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the latency of small queries while excessive ones run."""
    parser = argument_parser("limits", main.__doc__)
    parser.add_argument("--series", type=int, default=1_000_000)
    parser.add_argument("--only", type=comma_separated, metavar="NAME,...")
    run(compare, parser.parse_args(arguments))


if __name__ == "__main__":
    main()
