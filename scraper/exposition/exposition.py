"""Whole expositions: the Prometheus text format 0.0.4 and OpenMetrics 1.0.

`parse_exposition` reads all of a body and is the measure of what is right;
`difference` reads the same much faster where a body resembles the one before.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from model.labels import Labels
from scraper.exposition.errors import ExpositionError
from scraper.exposition.families import MetricMetadata, is_comment, read_families
from scraper.exposition.grammar import GRAMMARS, ExpositionFormat, Sample

_EOF = b"# EOF"
_PIECE_BYTES = 4 * 2**20


@dataclass(frozen=True, slots=True)
class Exposition:
    """A parsed body: its samples in order, and the metadata by metric family."""

    samples: tuple[Sample, ...]
    metadata: Mapping[str, MetricMetadata]


def split_lines(body: bytes) -> list[bytes]:
    """Return the body's lines.

    Large bodies are cut in pieces first: one call on 64 MB would keep every other
    thread from running for a tenth of a second.
    """
    if len(body) <= _PIECE_BYTES:
        return body.split(b"\n")
    lines: list[bytes] = []
    start = 0
    while (cut := body.find(b"\n", start + _PIECE_BYTES)) >= 0:
        lines.extend(body[start:cut].split(b"\n"))
        start = cut + 1
    lines.extend(body[start:].split(b"\n"))
    return lines


def content_lines(lines: Sequence[bytes], exposition_format: ExpositionFormat) -> int:
    """Return how many leading lines are content: without the last empty one and `# EOF`.

    Raises:
        ExpositionError: an OpenMetrics body does not end as it must.
    """
    count = len(lines) - (not lines[-1])
    if exposition_format is ExpositionFormat.TEXT:
        return count
    if not count or lines[count - 1] != _EOF:
        raise ExpositionError(max(count, 1), 'the data does not end with "# EOF"')
    return count - 1


def parse_exposition(body: bytes, exposition_format: ExpositionFormat) -> Exposition:
    """Read a whole body.

    Raises:
        ExpositionError: a line is malformed, or a series stands there twice.
    """
    lines = split_lines(body)
    lines = lines[: content_lines(lines, exposition_format)]
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
    """Return the error that tells of a series written on two lines."""
    series = str(labels)
    return ExpositionError(
        line, f"duplicate series {series[:256]}, first written on line {first_line}"
    )
