"""Queries that ask for too much, and who is answered meanwhile: `./run bench limits`.

A store of a million series is asked for all of them, and for 10**9 samples. While each
such query runs, another client asks for `up` again and again.
"""

import argparse
import http.client
import statistics
import threading
import time
import urllib.parse
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.command import argument_parser, progress, run
from benchmarks.contenders import Redshank, ScrapePlan, redshank_command
from benchmarks.processes import finish
from benchmarks.report import Limit, Measure, Report

_MEASURES = (
    Measure("status", "status", 0),
    Measure("heavy_s", "until its end\ns"),
    Measure("answer_mb", "answer\nMB", 1),
    Measure("others_p50_ms", "others p50\nms", 1),
    Measure("others_worst_ms", "others worst\nms", 1),
    Measure("rss_peak_mb", "RSS peak\nMB", 0),
)
_KEYS = tuple(measure.key for measure in _MEASURES)
_SERIES_AN_INSTANCE = 500
_SAMPLES = 4
_INTERVAL_S = 15
_PAUSE_S = 0.02
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


def write_series(path: Path, series: int, end_s: int) -> None:
    """Write OpenMetrics text with so many series, and `up` of each instance."""
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
    """What another client saw."""

    waits_s: list[float] = field(default_factory=list)
    rss_peak_bytes: int = 0


@contextmanager
def probing(server: Redshank, path: str) -> Iterator[Probe]:
    """Ask for something small all the time while a `with` block runs."""
    probe, ended = Probe(), threading.Event()
    headers = server.headers()

    def ask() -> None:
        with closing(http.client.HTTPConnection(server.listen, timeout=60)) as connection:
            while not ended.is_set():
                begun_s = time.perf_counter()
                connection.request("GET", path, headers=headers)
                connection.getresponse().read()
                probe.waits_s.append(time.perf_counter() - begun_s)
                probe.rss_peak_bytes = max(probe.rss_peak_bytes, server.usage().rss_bytes)
                ended.wait(_PAUSE_S)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield probe
    finally:
        ended.set()
        thread.join()


def measure(server: Redshank, path: str, small: str) -> dict[str, float]:
    """Ask for too much, and return what came of it and what others saw."""
    with probing(server, small) as probe:
        time.sleep(0.2)
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


def compare(options: argparse.Namespace) -> Report:
    """Load a store, and ask it for too much."""
    with TemporaryDirectory(prefix="redshank-bench-", dir=options.work_dir) as directory:
        server = Redshank(ScrapePlan([], 60.0), Path(directory))
        end_s = int(time.time()) // _INTERVAL_S * _INTERVAL_S
        text = Path(directory) / "big.om"
        progress(f"importing {options.series:,} series")
        write_series(text, options.series, end_s)
        option = ("--data-dir", str(server.data_directory))
        finish("import", redshank_command("store", "import", *option, str(text)), text.parent)
        text.unlink()
        small = "/api/v1/query?" + urllib.parse.urlencode(
            {"query": 'up{instance="host00000"}', "time": end_s}
        )
        found = {}
        with server:
            for name, query in (*_INSTANTS.items(), *_RANGES.items()):
                if options.only and name not in options.only:
                    continue
                asked = {"query": query, "time": end_s, "timeout": f"{_QUERY_TIMEOUT_S:g}s"}
                path = "/api/v1/query?"
                if name in _RANGES:
                    asked = {"query": query, "start": end_s - 3600, "end": end_s, "step": 15}
                    path = "/api/v1/query_range?"
                progress(f"{name}: {query}")
                found[name] = measure(server, path + urllib.parse.urlencode(asked), small)
                progress(str({key: round(value, 2) for key, value in found[name].items()}))
    worst = {key: max(each[key] for each in found.values()) for key in _KEYS}
    setup = f"{options.series:,} series x {_SAMPLES} samples; others ask for one `up`"
    titles = {name: {**_INSTANTS, **_RANGES}[name] for name in found}
    titles[Redshank.key] = "the worst of all"
    limits = (Limit("others_worst_ms", 200.0),)
    results = {**found, Redshank.key: worst}
    return Report("limits", setup, _MEASURES, results, titles, limits)


def main(arguments: Sequence[str] | None = None) -> None:
    """Ask a store of a million series for too much, and see who is answered meanwhile."""
    parser = argument_parser("limits", main.__doc__)
    parser.add_argument("--series", type=int, default=1_000_000)
    parser.add_argument("--only", type=lambda text: text.split(","), metavar="NAME,...")
    run(compare, parser.parse_args(arguments))


if __name__ == "__main__":
    main()
