"""`python -m tests.promqltest DIRECTORY [--json]`: runs scripts and prints the results."""

import argparse
import json
import sys
from pathlib import Path

from tests.promqltest.needs import Need
from tests.promqltest.real_store import real_store
from tests.promqltest.runner import Score, run_directory
from tests.promqltest.store import memory_store


def main() -> int:
    """Run all scripts of a directory and print the results."""
    parser = argparse.ArgumentParser(prog="python -m tests.promqltest")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    parser.add_argument("--quiet", action="store_true", help="leave the failures out")
    parser.add_argument("--needs", action="store_true", help="tell what each failure needs")
    parser.add_argument("--memory", action="store_true", help="on a store in memory: quicker")
    arguments = parser.parse_args()
    scores = run_directory(arguments.directory, memory_store if arguments.memory else real_store)
    if not scores:
        sys.stderr.write(f"no scripts in {arguments.directory}\n")
        return 2
    if arguments.needs:
        _print_needs(scores)
    if not arguments.json or not arguments.quiet:
        _print_table(scores, quiet=arguments.quiet or arguments.needs)
    if arguments.json:
        document = {
            "passed": sum(score.passed for score in scores.values()),
            "total": sum(score.total for score in scores.values()),
            "files": {
                name: {"passed": score.passed, "total": score.total}
                for name, score in scores.items()
            },
        }
        sys.stdout.write(json.dumps(document) + "\n")
    return 0


def _print_needs(scores: dict[str, Score]) -> None:
    """Print the failed lines, grouped by missing feature and file."""
    for need in Need:
        by_file = {
            name: [failure.line for failure in score.failures if failure.need is need]
            for name, score in scores.items()
        }
        count = sum(map(len, by_file.values()))
        sys.stdout.write(f"{count} evaluations: {need}\n")
        for name, lines in by_file.items():
            if lines:
                sys.stdout.write(f"    {name}:{','.join(map(str, lines))}\n")


def _print_table(scores: dict[str, Score], *, quiet: bool) -> None:
    out = sys.stdout
    if not quiet:
        for score in scores.values():
            for failure in score.failures:
                out.write(f"{failure.file}:{failure.line}: {failure.query}\n    {failure.reason}\n")
    for name, score in scores.items():
        out.write(f"{name:32}{score.passed:5} / {score.total}\n")
    passed = sum(score.passed for score in scores.values())
    out.write(f"{'all':32}{passed:5} / {sum(score.total for score in scores.values())}\n")


if __name__ == "__main__":
    sys.exit(main())
