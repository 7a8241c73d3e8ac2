"""Metric families: what an exposition's comments say, shared by targets that say the same.

Half of an exposition is comments, the same on every host with that exporter; kept for
each of 400 hosts they would be most of the scraper's memory.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from weakref import WeakValueDictionary

from scraper.exposition.errors import ExpositionError
from scraper.exposition.grammar import GRAMMARS, Comment, ExpositionFormat, unescape
from scraper.exposition.numbers import abridged
from scraper.exposition.pieces import PiecePool

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


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Families:
    """An exposition's metric families.

    Attributes:
        comments: its lines without a sample, in order.
        metadata: what they say, by metric family.
        types: the families whose type bears on how their samples are read.
    """

    comments: tuple[bytes, ...]
    metadata: Mapping[str, MetricMetadata]
    types: Mapping[str, str]


class FamilyPool:
    """Keeps one `Families` for all expositions with the same comments, while in use.

    Attributes:
        pieces: what their texts have in common.
    """

    def __init__(self) -> None:
        self.pieces = PiecePool()
        self._families: WeakValueDictionary[
            tuple[ExpositionFormat, tuple[bytes, ...]], Families
        ] = WeakValueDictionary()

    def read(self, lines: Sequence[bytes], exposition_format: ExpositionFormat) -> Families:
        """Return the families of the lines; see `read_families`."""
        comments = tuple(line for line in lines if is_comment(line))
        known = self._families.get((exposition_format, comments))
        if known is None:
            known = read_families(lines, exposition_format)
            self._families[exposition_format, known.comments] = known
        return known


def read_families(lines: Sequence[bytes], exposition_format: ExpositionFormat) -> Families:
    """Return what the comments among `lines` say; the last word on a family wins.

    Raises:
        ExpositionError: a HELP, TYPE or UNIT line is malformed.
    """
    metadata = _metadata(lines, exposition_format)
    types = {
        name: entry.type
        for name, entry in metadata.items()
        if entry.type in ("histogram", "gaugehistogram", "summary")
    }
    return Families(tuple(line for line in lines if is_comment(line)), metadata, types)


def is_comment(line: bytes) -> bool:
    """Tell whether a line holds no sample."""
    return line[:1] == b"#" or line.lstrip(b" \t")[:1] in (b"#", b"")


def _metadata(
    lines: Sequence[bytes], exposition_format: ExpositionFormat
) -> dict[str, MetricMetadata]:
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
