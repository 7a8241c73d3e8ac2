"""Time to parse one sample of a scrape: `./run bench parse`.

Redshank parses the lines of a scrape that differ from the scrape before, so each
contender parses the whole recording in order, in one process, without network or
storage. The peers are Python parsers too: Redshank's own strict one, and the reference
parser of prometheus-client.
"""

import argparse
import time
from collections.abc import Callable, Sequence

from prometheus_client.parser import text_string_to_metric_families

from benchmarks.harness.recordings.recording import Recording, find_recording
from benchmarks.harness.reporting.command import argument_parser, progress, run
from benchmarks.harness.reporting.report import Limit, Measure, Report
from model.labels import Labels
from scraper.exposition.catalog import SeriesCatalog
from scraper.exposition.difference import DifferenceParser
from scraper.exposition.families import FamilyInterner
from scraper.exposition.formats import ExpositionFormat
from scraper.exposition.parser import parse_exposition
from scraper.recording.series_naming import SeriesNaming

_MEASURES = (Measure("parse_ns_per_sample", "parse\nns/sample", 0, ratio="parse"),)
_LIMITS = (Limit("parse_ns_per_sample", 250), Limit("ratio_parse_prometheus_client", 0.05))
_SLOW_SCRAPES = 20
"""The peers take tens of microseconds per sample, the same for every scrape."""

Parse = Callable[[bytes], int]
"""Parses a body and returns the number of samples."""


def by_difference() -> Parse:
    """Return Redshank's parser for one target."""
    catalog = SeriesCatalog(SeriesNaming(Labels.of(job="node", instance="host:9100")).name)
    parser = DifferenceParser(catalog, FamilyInterner())
    return lambda body: parser.parse(body, ExpositionFormat.TEXT).samples


def strictly() -> Parse:
    """Return Redshank's strict parser."""
    return lambda body: len(parse_exposition(body, ExpositionFormat.TEXT).samples)


def by_reference() -> Parse:
    """Return prometheus-client's parser."""
    return lambda body: sum(
        len(family.samples) for family in text_string_to_metric_families(body.decode())
    )


CONTENDERS = {
    "redshank": ("Redshank, by difference", by_difference),
    "strict": ("Redshank, strict", strictly),
    "prometheus_client": ("prometheus-client", by_reference),
}


def parse_ns_per_sample(make: Callable[[], Parse], bodies: Sequence[bytes], rounds: int) -> float:
    """Return the best time of several rounds; each includes the first scrape."""
    best = float("inf")
    for _ in range(rounds):
        parse = make()
        begun_ns = time.perf_counter_ns()
        samples = sum(map(parse, bodies))
        best = min(best, (time.perf_counter_ns() - begun_ns) / samples)
    return best


def compare(options: argparse.Namespace) -> Report:
    """Parse the recording with each parser."""
    recording: Recording = find_recording(options.recording)
    bodies = [scrape.body for scrape in recording.scrapes]
    results = {}
    for key, (title, make) in CONTENDERS.items():
        progress(f"{title}: parsing")
        chosen = bodies if key == "redshank" else bodies[:_SLOW_SCRAPES]
        results[key] = {"parse_ns_per_sample": parse_ns_per_sample(make, chosen, options.rounds)}
    titles = {key: title for key, (title, _) in CONTENDERS.items()}
    return Report("parse", str(recording), _MEASURES, results, titles, _LIMITS)


def main(arguments: Sequence[str] | None = None) -> None:
    """Compare the time to parse one sample."""
    parser = argument_parser("parse", main.__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="the best one counts")
    run(compare, parser.parse_args(arguments))


if __name__ == "__main__":
    main()
