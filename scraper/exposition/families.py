"""Metric families: the metadata in an exposition's comments.

Half of an exposition is comments, identical on every host with the same exporter. Stored
once for each of 400 hosts they would be most of the scraper's memory, so they are
interned.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from weakref import WeakValueDictionary

from model.metadata import MetricMetadata
from scraper.exposition.errors import ExpositionError
from scraper.exposition.formats import ExpositionFormat
from scraper.exposition.grammar import GRAMMARS, Comment
from scraper.exposition.interning import BytesInterner
from scraper.exposition.label_grammar import unescape
from scraper.exposition.lines import is_comment
from scraper.messages import quoted

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
_TYPES_WITH_BOUNDS = ("histogram", "gaugehistogram", "summary")


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Families:
    """The metric families of an exposition.

    Attributes:
        comments: the lines without a sample, in order.
        metadata: by metric family.
        types: type by metric family, only of families whose samples have bounds, because
            parsing a sample depends on these types.
    """

    comments: tuple[bytes, ...]
    metadata: Mapping[str, MetricMetadata]
    types: Mapping[str, str]


class FamilyInterner:
    """Shares one `Families` among all expositions with the same comments, while in use.

    Attributes:
        strings: interns parts of the targets' bodies.
    """

    def __init__(self) -> None:
        self.strings = BytesInterner()
        self._families: WeakValueDictionary[
            tuple[ExpositionFormat, tuple[bytes, ...]], Families
        ] = WeakValueDictionary()

    def read(self, lines: Sequence[bytes], exposition_format: ExpositionFormat) -> Families:
        """Return the families of an exposition; see `read_families`."""
        comments = tuple(line for line in lines if is_comment(line))
        known = self._families.get((exposition_format, comments))
        if known is None:
            known = read_families(lines, exposition_format)
            self._families[exposition_format, known.comments] = known
        return known


def read_families(lines: Sequence[bytes], exposition_format: ExpositionFormat) -> Families:
    """Return the families that the comments among `lines` describe.

    If a family has several lines of one keyword, the last one counts.

    Raises:
        ExpositionError: a HELP, TYPE or UNIT line is malformed.
    """
    metadata: dict[str, MetricMetadata] = {}
    for number, comment in _comments(lines, exposition_format):
        known = metadata.get(comment.name, MetricMetadata())
        metadata[comment.name] = _with_comment(known, comment, number, exposition_format)
    types = {
        name: entry.type for name, entry in metadata.items() if entry.type in _TYPES_WITH_BOUNDS
    }
    return Families(tuple(line for line in lines if is_comment(line)), metadata, types)


def _with_comment(
    metadata: MetricMetadata, comment: Comment, number: int, exposition_format: ExpositionFormat
) -> MetricMetadata:
    kind, text, unit = metadata.type, metadata.help, metadata.unit
    match comment.keyword:
        case "HELP":
            text = unescape(comment.text)
        case "TYPE":
            kind = comment.text.rstrip(" \t")
            if kind not in _TYPES[exposition_format]:
                raise ExpositionError(number, f"invalid metric type {quoted(kind)}")
            kind = "unknown" if kind == "untyped" else kind
        case "UNIT":
            unit = comment.text
            if unit and not comment.name.endswith("_" + unit):
                reason = f"unit {quoted(unit)} is not a suffix of {quoted(comment.name)}"
                raise ExpositionError(number, reason)
        case _:
            raise ExpositionError(number, 'content after "# EOF"')
    return MetricMetadata(kind, text, unit)


def _comments(
    lines: Sequence[bytes], exposition_format: ExpositionFormat
) -> Iterator[tuple[int, Comment]]:
    """Yield each metadata line with its line number."""
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
