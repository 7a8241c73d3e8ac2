"""A whole exposition of an exporter that pushes, in place of a short report.

Most pushes of a host have the lines of the last one with other values: those are read by
slicing, a tenth of the cost of the grammar.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from ingest.errors import MalformedMessageError, TooMuchError
from model.labels import Labels
from scraper.exposition.errors import ExpositionError
from scraper.exposition.formats import ExpositionFormat
from scraper.exposition.lines import is_comment, split_lines
from scraper.exposition.numbers import parse_values
from scraper.exposition.parser import Exposition, parse_exposition

# A host with more has a collector that makes a series of something unbounded.
_MOST_SERIES: Final = 50_000
# Lines that hosts share, up to their values: those of some hundred different exporters.
_MOST_SHARED: Final = 200_000


@dataclass(frozen=True, slots=True)
class KnownLines:
    """The lines of a host's last exposition.

    Attributes:
        comments: the lines of metadata.
        prefixes: the other lines up to their values.
        series: the labels of each of these, without those of the host.
    """

    comments: tuple[bytes, ...]
    prefixes: tuple[bytes, ...]
    series: tuple[Labels, ...]


@dataclass(frozen=True, slots=True)
class ExpositionReport:
    """The samples of one scrape that a host made of itself.

    Attributes:
        time_ms: when the host began the scrape.
        series: the labels of the samples, distinct and without those of the host.
        values: one for each series.
        known: its lines, for the next report; None if they cannot be read by slicing.
    """

    time_ms: int
    series: tuple[Labels, ...]
    values: Sequence[float]
    known: KnownLines | None


class ExpositionReader:
    """Reads the expositions of all hosts, which share their lines' labels in memory."""

    def __init__(self) -> None:
        self._lines: dict[bytes, bytes] = {}
        self._labels: dict[Labels, Labels] = {}

    def read(
        self, body: bytes, time_ms: int, own_labels: Labels, known: KnownLines | None = None
    ) -> ExpositionReport:
        """Return the report of an exposition in Prometheus's text format.

        Args:
            body: the exposition.
            time_ms: the time of all samples.
            own_labels: the labels of the host, which a sample cannot override.
            known: the lines of the host's last exposition, read with the same labels.

        Raises:
            MalformedMessageError: the body is not an exposition, or a series occurs twice.
            TooMuchError: there are too many series.
        """
        comments, prefixes, tokens = _split(body)
        if known is not None and (prefixes, comments) == (known.prefixes, known.comments):
            values = parse_values(tokens)
            if values is not None:
                return ExpositionReport(time_ms, known.series, values.tolist(), known)
        exposition = _parsed(body)
        own = {name for name, _ in own_labels}
        samples = {
            self._shared(Labels.of(one.pairs).drop(own)): one.value for one in exposition.samples
        }
        if not samples:
            raise MalformedMessageError("the exposition has no samples")
        series, floats = tuple(samples), tuple(samples.values())
        lines = None
        if len(series) == len(exposition.samples) and _is_sliced(exposition, tokens):
            lines = KnownLines(self._kept(comments), self._kept(prefixes), series)
        return ExpositionReport(time_ms, series, floats, lines)

    def _shared(self, labels: Labels) -> Labels:
        if len(self._labels) >= _MOST_SHARED:
            self._labels.clear()
        return self._labels.setdefault(labels, labels)

    def _kept(self, lines: tuple[bytes, ...]) -> tuple[bytes, ...]:
        if len(self._lines) + len(lines) > _MOST_SHARED:
            self._lines.clear()
        return tuple(self._lines.setdefault(line, line) for line in lines)


def _split(body: bytes) -> tuple[tuple[bytes, ...], tuple[bytes, ...], list[bytes]]:
    """Return the comments of a body, and its other lines up to their last space and after it."""
    comments, prefixes, tokens = [], [], []
    for line in split_lines(body):
        if is_comment(line):
            comments.append(line)
        elif line:
            prefix, _, token = line.rpartition(b" ")
            prefixes.append(prefix)
            tokens.append(token)
    return tuple(comments), tuple(prefixes), tokens


def _parsed(body: bytes) -> Exposition:
    try:
        exposition = parse_exposition(body, ExpositionFormat.TEXT)
    except ExpositionError as exc:
        raise MalformedMessageError(str(exc)) from exc
    if exposition.duplicates:
        labels = Labels.of(exposition.duplicates[0].pairs)
        raise MalformedMessageError(f"{labels} occurs twice")
    if len(exposition.samples) > _MOST_SERIES:
        raise TooMuchError(f"{len(exposition.samples)} series, more than {_MOST_SERIES}")
    return exposition


def _is_sliced(exposition: Exposition, tokens: list[bytes]) -> bool:
    """Return whether the tokens are the values of the samples, in their order."""
    if len(tokens) != len(exposition.samples):
        return False  # A string contains a line feed.
    if any(one.timestamp_ms is not None for one in exposition.samples):
        return False  # The tokens are timestamps.
    values = parse_values(tokens)
    parsed = np.array([one.value for one in exposition.samples])
    return values is not None and values.tobytes() == parsed.tobytes()
