"""A whole exposition of an exporter that pushes, in place of a short report."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ingest.errors import MalformedMessageError, TooMuchError
from model.labels import Labels
from scraper.exposition.errors import ExpositionError
from scraper.exposition.formats import ExpositionFormat
from scraper.exposition.parser import parse_exposition

# A host with more has a collector that makes a series of something unbounded.
_MOST_SERIES: Final = 50_000


@dataclass(frozen=True, slots=True)
class ExpositionReport:
    """The samples of one scrape that a host made of itself.

    Attributes:
        time_ms: when the host began the scrape.
        samples: values by labels, without those of the host.
    """

    time_ms: int
    samples: Mapping[Labels, float]


def read_exposition(body: bytes, time_ms: int, own_labels: Labels) -> ExpositionReport:
    """Return the report of an exposition in Prometheus's text format.

    Args:
        body: the exposition.
        time_ms: the time of all samples.
        own_labels: the labels of the host, which a sample cannot override.

    Raises:
        MalformedMessageError: the body is not an exposition, or a series occurs twice.
        TooMuchError: there are too many series.
    """
    try:
        exposition = parse_exposition(body, ExpositionFormat.TEXT)
    except ExpositionError as exc:
        raise MalformedMessageError(str(exc)) from exc
    if exposition.duplicates:
        labels = Labels.of(exposition.duplicates[0].pairs)
        raise MalformedMessageError(f"{labels} occurs twice")
    if len(exposition.samples) > _MOST_SERIES:
        raise TooMuchError(f"{len(exposition.samples)} series, more than {_MOST_SERIES}")
    own = {name for name, _ in own_labels}
    samples = {Labels.of(one.pairs).drop(own): one.value for one in exposition.samples}
    if not samples:
        raise MalformedMessageError("the exposition has no samples")
    return ExpositionReport(time_ms, samples)
