"""CPU and memory of scraping a fleet: `./run bench ingest`."""

from collections.abc import Sequence

from benchmarks.harness.measuring.scraping import Period, add_scraping_arguments, compare
from benchmarks.harness.reporting.command import argument_parser, run
from benchmarks.harness.reporting.report import Limit

_LIMITS = (
    Limit("ratio_cpu_prometheus", 0.42),
    Limit("ratio_cpu_victoriametrics", 0.42),
    Limit("ratio_rss_prometheus", 0.37),
)
# A head is sealed at 120 vectors: each is sealed once.
_PERIOD = Period(interval_s=1.0, warm_up_s=10.0, measured_s=120.0, peers_measured_s=50.0)


def main(arguments: Sequence[str] | None = None) -> None:
    """Compare CPU per sample and memory per series while a steady fleet is scraped."""
    parser = argument_parser("ingest", main.__doc__)
    add_scraping_arguments(parser, targets=400, period=_PERIOD)
    run(lambda options: compare("ingest", options, _LIMITS), parser.parse_args(arguments))


if __name__ == "__main__":
    main()
