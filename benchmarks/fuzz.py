"""Feeds every parser inputs that a fuzzer makes up: `./run bench fuzz --minutes 10`.

Each target of tests/fuzz/targets runs under atheris (libFuzzer) for the given time, in a
process of its own and one after the other. A target starts from its seeds in
tests/fuzz/corpus. What it finds stays in the work directory: `found` holds inputs that reach
new code, `crashes` an input and a traceback for each place that raised.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path

from benchmarks.harness.processes import BenchmarkError
from benchmarks.harness.reporting.command import plain_parser, progress, run

_CORPUS = Path(__file__).parents[1] / "tests" / "fuzz" / "corpus"
_WORKER = "tests.fuzz.targets.worker"
_STATISTIC = re.compile(r"^stat::(\w+):\s+(\d+)$", re.MULTILINE)
# atheris writes where an error occurred, libFuzzer what stopped it.
_FOUND = re.compile(r"^FOUND \w+ (.+)$|^==\d+== ERROR: libFuzzer: (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Campaign:
    """The result of fuzzing one target.

    Attributes:
        inputs: how many inputs were parsed.
        new_inputs: how many of them reached new code.
        errors: the place of each unexpected error, and what ended the campaign early.
    """

    target: str
    seconds: int
    inputs: int
    new_inputs: int
    peak_rss_mb: int
    errors: tuple[str, ...]


class Campaigns:
    """The results of all targets."""

    def __init__(self, results: Sequence[Campaign], directory: Path) -> None:
        self._results, self._directory = results, directory

    def print(self) -> None:
        """Print one line for each target, and every error."""
        print(f"{'target':16} {'seconds':>8} {'inputs':>12} {'new':>7} {'RSS MB':>7} {'errors':>7}")
        for one in self._results:
            print(
                f"{one.target:16} {one.seconds:8} {one.inputs:12,} {one.new_inputs:7,}"
                f" {one.peak_rss_mb:7} {len(one.errors):7}"
            )
        for error in self.exceeded():
            print(error)
        print(f"inputs and tracebacks: {self._directory}")

    def as_json(self) -> str:
        """Return the results as one line of JSON."""
        return json.dumps({"bench": "fuzz", "targets": [asdict(one) for one in self._results]})

    def exceeded(self) -> Sequence[str]:
        """Return a sentence for each unexpected error."""
        return [f"{one.target}: {error}" for one in self._results for error in one.errors]


def _fuzzed(name: str, seconds: int, directory: Path) -> Campaign:
    progress(f"{name}: {seconds} s")
    corpus = _CORPUS / name
    work = directory / name
    # A worker that cannot import the targets ends before it makes the directory of its log.
    work.mkdir(parents=True, exist_ok=True)
    worker = subprocess.run(
        [
            *(sys.executable, "-m", _WORKER, name, "--corpus", str(corpus)),
            *("--work", str(work), "--seconds", str(seconds)),
        ],
        cwd=_CORPUS.parents[2],
        env=os.environ | {"PYTHONHASHSEED": "0"},
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        check=False,
    )
    (work / "log").write_text(worker.stderr)
    statistics = {key: int(value) for key, value in _STATISTIC.findall(worker.stderr)}
    if "number_of_executed_units" not in statistics:
        raise BenchmarkError(f"{name}: {worker.stderr[-2000:]}")
    errors = [place or ended for place, ended in _FOUND.findall(worker.stderr)]
    return Campaign(
        name,
        seconds,
        statistics["number_of_executed_units"],
        statistics["new_units_added"],
        statistics["peak_rss_mb"],
        tuple(errors),
    )


def fuzz(options: argparse.Namespace) -> Campaigns:
    """Fuzz each target for the given time."""
    from tests.fuzz.targets.registry import TARGETS

    if find_spec("atheris") is None:
        raise BenchmarkError("atheris is not installed: it has wheels for x86-64 Linux only")
    names = options.only or list(TARGETS)
    unknown = sorted(set(names) - TARGETS.keys())
    if unknown:
        raise BenchmarkError(f"no target {', '.join(unknown)}; there are {', '.join(TARGETS)}")
    directory = options.work_dir or Path(tempfile.mkdtemp(prefix="redshank-fuzz-"))
    seconds = round(options.minutes * 60)
    return Campaigns([_fuzzed(name, seconds, directory) for name in names], directory)


def main(arguments: Sequence[str] | None = None) -> None:
    """Fuzz every parser under atheris."""
    parser = plain_parser("fuzz", main.__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="for each target")
    parser.add_argument("--only", action="append", metavar="NAME", help="one target; repeatable")
    run(fuzz, parser.parse_args(arguments))


if __name__ == "__main__":
    main()
