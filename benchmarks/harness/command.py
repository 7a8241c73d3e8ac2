"""What the benchmarks' command lines share."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.harness.contenders import CONTENDERS
from benchmarks.harness.corpus import add_recording_argument
from benchmarks.harness.processes import BenchmarkError, ended_by_signals
from benchmarks.harness.report import Findings


def plain_parser(bench: str, description: str | None) -> argparse.ArgumentParser:
    """Return a parser with the options of every benchmark that `run` runs."""
    parser = argparse.ArgumentParser(
        prog=f"bench {bench}",
        description=description,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--work-dir", type=Path, help="where data directories are made")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    parser.add_argument(
        "--check", action="store_true", help="exit with 1 where a limit does not hold"
    )
    return parser


def argument_parser(bench: str, description: str | None) -> argparse.ArgumentParser:
    """Return a parser with the options of a benchmark that replays a recording beside peers."""
    parser = plain_parser(bench, description)
    add_recording_argument(parser)
    keys = [contender.key for contender in CONTENDERS]
    parser.add_argument(
        "--contenders",
        type=comma_separated,
        default=keys,
        metavar="KEY,...",
        help="who takes part: " + ", ".join(keys),
    )
    return parser


def comma_separated(text: str) -> list[str]:
    """Read an option's value that names several things."""
    return text.split(",")


def run(bench: Callable[[argparse.Namespace], Findings], options: argparse.Namespace) -> None:
    """Run a benchmark, print its report, exit; children and directories are gone in any case."""
    try:
        with ended_by_signals():
            report = bench(options)
    except KeyboardInterrupt:
        sys.exit(130)
    except BenchmarkError as exc:
        sys.exit(f"error: {exc}")
    report.print()
    if options.json:
        print(report.as_json())
    if options.check and report.exceeded():
        sys.exit(1)


def progress(message: str) -> None:
    """Tell the person who waits what goes on."""
    print(message, file=sys.stderr, flush=True)
