"""The command line of a benchmark: options, progress, report, exit status."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.harness.contenders.servers import CONTENDERS
from benchmarks.harness.processes import BenchmarkError, ended_by_signals
from benchmarks.harness.recordings.recording import add_recording_argument
from benchmarks.harness.reporting.report import Findings


def plain_parser(bench: str, description: str | None) -> argparse.ArgumentParser:
    """Return a parser with the options of every benchmark."""
    parser = argparse.ArgumentParser(
        prog=f"bench {bench}",
        description=description,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--work-dir", type=Path, help="where data directories are made")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    parser.add_argument("--check", action="store_true", help="exit with 1 if a limit is exceeded")
    return parser


def argument_parser(bench: str, description: str | None) -> argparse.ArgumentParser:
    """Return a parser for a benchmark that replays a recording and compares contenders."""
    parser = plain_parser(bench, description)
    add_recording_argument(parser)
    keys = [contender.key for contender in CONTENDERS]
    parser.add_argument(
        "--contenders",
        type=comma_separated,
        default=keys,
        metavar="KEY,...",
        help="which servers take part: " + ", ".join(keys),
    )
    return parser


def comma_separated(text: str) -> list[str]:
    """Parse a comma-separated option."""
    return text.split(",")


def run(bench: Callable[[argparse.Namespace], Findings], options: argparse.Namespace) -> None:
    """Run a benchmark and print its report; child processes and directories are cleaned up."""
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
    """Print a progress message to stderr."""
    print(message, file=sys.stderr, flush=True)
