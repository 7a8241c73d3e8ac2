"""CPU and memory while series come and go: `./run bench churn`."""

from collections.abc import Sequence

from benchmarks.harness.measuring.scraping import Period, add_scraping_arguments, compare
from benchmarks.harness.reporting.command import argument_parser, run
from benchmarks.harness.reporting.report import Limit

_LIMITS = (Limit("ratio_cpu_prometheus", 0.6),)
# Within one minute every target has a new generation of series.
_PERIOD = Period(interval_s=1.0, warm_up_s=10.0, measured_s=120.0, peers_measured_s=60.0)


def main(arguments: Sequence[str] | None = None) -> None:
    """Compare CPU per sample while a tenth of all series is replaced every minute."""
    parser = argument_parser("churn", main.__doc__)
    add_scraping_arguments(parser, targets=400, period=_PERIOD, churn_percent=10.0)
    run(lambda options: compare("churn", options, _LIMITS), parser.parse_args(arguments))


if __name__ == "__main__":
    main()
