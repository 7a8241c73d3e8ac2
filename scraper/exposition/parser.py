"""The strict parser of the Prometheus text format 0.0.4 and OpenMetrics 1.0.

`parse_exposition` parses every line of a body and is the reference for correctness;
`difference` gives the same results much faster for a body that resembles the previous
one.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from model.labels import Labels
from model.metadata import MetricMetadata
from scraper.exposition.errors import ExpositionError
from scraper.exposition.families import read_families
from scraper.exposition.formats import ExpositionFormat
from scraper.exposition.grammar import GRAMMARS, Sample
from scraper.exposition.lines import count_content_lines, is_comment, split_lines


@dataclass(frozen=True, slots=True)
class Exposition:
    """A parsed body: its samples in order, and the metadata by metric family."""

    samples: tuple[Sample, ...]
    metadata: Mapping[str, MetricMetadata]


def parse_exposition(body: bytes, exposition_format: ExpositionFormat) -> Exposition:
    """Return the samples and metadata of a body.

    Raises:
        ExpositionError: a line is malformed, or two lines have the same series.
    """
    lines = split_lines(body)
    lines = lines[: count_content_lines(lines, exposition_format)]
    families = read_families(lines, exposition_format)
    grammar = GRAMMARS[exposition_format]
    samples = {
        index + 1: grammar.sample(line, index + 1, families.types)
        for index, line in enumerate(lines)
        if not is_comment(line)
    }
    first_lines: dict[tuple[Labels, int | None], int] = {}
    for number, sample in samples.items():
        labels = Labels.of(sample.pairs)
        first = first_lines.setdefault((labels, sample.timestamp_ms), number)
        if first != number:
            raise duplicate_series(labels, number, first)
    return Exposition(tuple(samples.values()), families.metadata)


def duplicate_series(labels: Labels, line: int, first_line: int) -> ExpositionError:
    """Return the error for a series that two lines have."""
    series = str(labels)
    return ExpositionError(
        line, f"duplicate series {series[:256]}, first written on line {first_line}"
    )
