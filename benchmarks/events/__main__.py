"""Events and tracked requests beside PostgreSQL: `./run bench events`.

Events arrive over HTTP in batches, each durable before its answer. Then the reports over
all of them run, and PostgreSQL answers the same ones over the same events with the schema
and the indexes of the service that Redshank replaces. At the end single requests are
tracked over persistent connections.
"""

import argparse
from collections.abc import Sequence

from benchmarks.events.findings import EventFindings
from benchmarks.events.measurement import EventBench
from benchmarks.harness.processes import BenchmarkError, work_directory
from benchmarks.harness.reporting.command import plain_parser, run


def _measure(options: argparse.Namespace) -> EventFindings:
    if options.events < options.batch:
        raise BenchmarkError(f"--events must be at least --batch, {options.batch}")
    with work_directory(options.work_dir) as directory:
        bench = EventBench(options, directory)
        bench.run()
    return bench.findings


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure ingestion and reports over events, compared with PostgreSQL."""
    parser = plain_parser("events", main.__doc__)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--persons", type=int, default=200_000)
    parser.add_argument("--batch", type=int, default=1_000, help="events of one request")
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--track-connections", type=int, default=64)
    parser.add_argument("--track-seconds", type=float, default=15.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--no-postgres", action="store_true", help="leave PostgreSQL out")
    run(_measure, parser.parse_args(arguments))


if __name__ == "__main__":
    main()
