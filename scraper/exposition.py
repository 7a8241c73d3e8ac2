"""Whole expositions: the Prometheus text format 0.0.4 and OpenMetrics 1.0.

`parse_exposition` reads all of a body and is the measure of what is right;
`difference` reads the same much faster where a body resembles the one before.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from model.labels import Labels
from scraper.errors import ExpositionError
from scraper.grammar import GRAMMARS, Comment, ExpositionFormat, Sample, unescape
from scraper.numbers import abridged

_EOF = b"# EOF"
_PIECE_BYTES = 4 * 2**20
_TYPES = {
    ExpositionFormat.TEXT: frozenset({"counter", "gauge", "histogram", "summary", "untyped"}),
    ExpositionFormat.OPENMETRICS: frozenset(
        {
            "counter",
            "gauge",
            "gaugehistogram",
            "histogram",
            "info",
            "stateset",
            "summary",
            "unknown",
        }
    ),
}


@dataclass(frozen=True, slots=True)
class MetricMetadata:
    """What an exposition says about a metric family; "" where it says nothing."""

    type: str = ""
    help: str = ""
    unit: str = ""


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


def is_comment(line: bytes) -> bool:
    """Tell whether a line holds no sample."""
    return line[:1] == b"#" or line.lstrip(b" \t")[:1] in (b"#", b"")


def read_metadata(
    lines: Sequence[bytes], exposition_format: ExpositionFormat
) -> dict[str, MetricMetadata]:
    """Return what the comments among `lines` say; the last word on a family wins.

    Raises:
        ExpositionError: a HELP, TYPE or UNIT line is malformed.
    """
    metadata: dict[str, MetricMetadata] = {}
    for number, comment in _comments(lines, exposition_format):
        known = metadata.get(comment.name, MetricMetadata())
        kind, text, unit = known.type, known.help, known.unit
        match comment.keyword:
            case "HELP":
                text = unescape(comment.text)
            case "TYPE":
                kind = comment.text.rstrip(" \t")
                if kind not in _TYPES[exposition_format]:
                    raise ExpositionError(number, f"invalid metric type {abridged(kind)}")
                kind = "unknown" if kind == "untyped" else kind
            case "UNIT":
                unit = comment.text
                if unit and not comment.name.endswith("_" + unit):
                    reason = f"unit {abridged(unit)} is not a suffix of {abridged(comment.name)}"
                    raise ExpositionError(number, reason)
            case _:
                raise ExpositionError(number, 'content after "# EOF"')
        metadata[comment.name] = MetricMetadata(kind, text, unit)
    return metadata


def _comments(
    lines: Sequence[bytes], exposition_format: ExpositionFormat
) -> Iterator[tuple[int, Comment]]:
    grammar = GRAMMARS[exposition_format]
    for index, line in enumerate(lines):
        if not is_comment(line):
            continue
        if not line.strip(b" \t"):
            if exposition_format is ExpositionFormat.OPENMETRICS:
                raise ExpositionError(index + 1, "empty line")
            continue
        comment = grammar.comment(line, index + 1)
        if comment is not None:
            yield index + 1, comment


def family_types(metadata: Mapping[str, MetricMetadata]) -> dict[str, str]:
    """Return the families whose type bears on how their samples are read."""
    return {
        name: entry.type
        for name, entry in metadata.items()
        if entry.type in ("histogram", "gaugehistogram", "summary")
    }


def parse_exposition(body: bytes, exposition_format: ExpositionFormat) -> Exposition:
    """Read a whole body.

    Raises:
        ExpositionError: a line is malformed, or a series stands there twice.
    """
    lines = split_lines(body)
    lines = lines[: content_lines(lines, exposition_format)]
    metadata = read_metadata(lines, exposition_format)
    types = family_types(metadata)
    grammar = GRAMMARS[exposition_format]
    samples = {
        index + 1: grammar.sample(line, index + 1, types)
        for index, line in enumerate(lines)
        if not is_comment(line)
    }
    first_lines: dict[tuple[Labels, int | None], int] = {}
    for number, sample in samples.items():
        labels = Labels.of(sample.pairs)
        first = first_lines.setdefault((labels, sample.timestamp_ms), number)
        if first != number:
            raise duplicate_series(labels, number, first)
    return Exposition(tuple(samples.values()), metadata)


def duplicate_series(labels: Labels, line: int, first_line: int) -> ExpositionError:
    """Return the error that tells of a series written on two lines."""
    series = str(labels)
    return ExpositionError(
        line, f"duplicate series {series[:256]}, first written on line {first_line}"
    )
