"""A million active series for ten minutes: `./run bench million`."""

from collections.abc import Sequence

from benchmarks.harness.measuring.scraping import Period, add_scraping_arguments, compare
from benchmarks.harness.reporting.command import argument_parser, run
from benchmarks.harness.reporting.report import Limit

_RSS_LIMIT_MB = 1500.0
# A missed scrape makes a gap of two intervals, a late one of little more than one.
_GAP_LIMIT_INTERVALS = 1.5
_PERIOD = Period(interval_s=15.0, warm_up_s=30.0, measured_s=600.0, peers_measured_s=600.0)


def main(arguments: Sequence[str] | None = None) -> None:
    """Scrape 2,000 targets at 15 s for ten minutes: no missed scrape, bounded memory."""
    parser = argument_parser("million", main.__doc__)
    add_scraping_arguments(parser, targets=2000, period=_PERIOD)
    parser.set_defaults(contenders=["redshank"])
    options = parser.parse_args(arguments)
    limits = (
        Limit("rss_peak_mb", _RSS_LIMIT_MB),
        Limit("longest_gap_s", options.interval * _GAP_LIMIT_INTERVALS),
    )
    run(lambda options: compare("million", options, limits), options)


if __name__ == "__main__":
    main()
