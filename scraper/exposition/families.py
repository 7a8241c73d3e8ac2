"""Metric families: the metadata in an exposition's comments.

Half of an exposition is comments, identical on every host with the same exporter. Stored
once for each of 400 hosts they would be most of the scraper's memory, so they are
interned.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from weakref import WeakValueDictionary

from model.metadata import MetricMetadata
from scraper.exposition.errors import ExpositionError
from scraper.exposition.formats import ExpositionFormat
from scraper.exposition.grammar import BOUND_LABELS, GRAMMARS, Comment
from scraper.exposition.interning import ArrayInterner, BytesInterner
from scraper.exposition.label_grammar import unescape, unescape_help
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


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Families:
    """The metric families of an exposition.

    Attributes:
        comments: the lines without a sample, in order.
        metadata: by metric family.
        bounds: for each comment the label of the samples below it that holds a bucket
            bound or quantile, None if no label does.
    """

    comments: tuple[bytes, ...]
    metadata: Mapping[str, MetricMetadata]
    bounds: tuple[str | None, ...]


class FamilyInterner:
    """Shares one `Families` among all expositions with the same comments, while in use.

    Attributes:
        strings: interns parts of the targets' bodies.
        arrays: interns the numbers of their lines.
    """

    def __init__(self) -> None:
        self.strings, self.arrays = BytesInterner(), ArrayInterner()
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
    comments = []
    metadata: dict[str, MetricMetadata] = {}
    bounds = []
    bound = None
    for index, line in enumerate(lines):
        if not is_comment(line):
            continue
        comment = read_comment(line, index + 1, exposition_format)
        if comment is not None:
            known = metadata.get(comment.name, MetricMetadata())
            metadata[comment.name] = described(known, comment, index + 1, exposition_format)
            if comment.keyword == "TYPE":
                bound = BOUND_LABELS.get(comment.text)
        comments.append(line)
        bounds.append(bound)
    return Families(tuple(comments), metadata, tuple(bounds))


def read_comment(line: bytes, number: int, exposition_format: ExpositionFormat) -> Comment | None:
    """Return the metadata of a line without a sample, None if it has none.

    Raises:
        ExpositionError: the line is malformed.
    """
    if line.strip(b" \t"):
        return GRAMMARS[exposition_format].comment(line, number)
    if exposition_format is ExpositionFormat.OPENMETRICS:
        raise ExpositionError(number, "empty line")
    return None


def described(
    metadata: MetricMetadata, comment: Comment, number: int, exposition_format: ExpositionFormat
) -> MetricMetadata:
    """Return a family's metadata with the content of one more comment.

    Raises:
        ExpositionError: the comment contradicts its format.
    """
    kind, text, unit = metadata.type, metadata.help, metadata.unit
    match comment.keyword:
        case "HELP":
            is_text = exposition_format is ExpositionFormat.TEXT
            text = unescape_help(comment.text) if is_text else unescape(comment.text)
        case "TYPE":
            kind = comment.text
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
