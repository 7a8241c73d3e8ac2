"""The grammar of one exposition line, in both text formats.

As in Prometheus's own parser, each line stands alone: families may be interleaved and
metadata may appear anywhere. Where the formats leave room, this grammar is strict.

Sources: Prometheus documentation, "Exposition formats"; OpenMetrics 1.0, "Text format".
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from scraper.exposition.errors import ExpositionError
from scraper.exposition.formats import ExpositionFormat
from scraper.exposition.label_grammar import LabelGrammar, Pairs, string_pattern, unescape
from scraper.exposition.names import LEGACY_METRIC_NAME
from scraper.exposition.numbers import canonical_bound, parse_value
from scraper.messages import quoted

MAX_LINE_BYTES = 2**20
"""Longest accepted line: one pass of a regular expression holds the GIL throughout."""

_INTEGER = re.compile(r"[+-]?[0-9]+")
_INT64 = range(-(2**63), 2**63)


class Sample(NamedTuple):
    """One sample line.

    Attributes:
        pairs: its labels as written, the metric name first.
        value: the number.
        timestamp_ms: the explicit timestamp, None if there is none.
        value_at: byte offset of the value in a line of plain form: the value, then a
            single space and the timestamp if there is one, and nothing else. A later
            line with the same prefix can then be parsed by slicing. 0 for a line of any
            other form.
    """

    pairs: Pairs
    value: float
    timestamp_ms: int | None
    value_at: int


class Comment(NamedTuple):
    """A metadata line; `keyword` is HELP, TYPE, UNIT or EOF."""

    keyword: str
    name: str
    text: str


def bound_label(pairs: Pairs, types: Mapping[str, str]) -> str | None:
    """Return the label that holds a bucket bound or quantile: "le", "quantile" or None."""
    name = pairs[0][1]
    if name.endswith("_bucket") and types.get(name[:-7]) in ("histogram", "gaugehistogram"):
        return "le"
    return "quantile" if types.get(name) == "summary" else None


class LineGrammar:
    """Parses single lines of one format; stateless."""

    def __init__(self, exposition_format: ExpositionFormat) -> None:
        self.format = exposition_format
        self._is_openmetrics = exposition_format is ExpositionFormat.OPENMETRICS
        space = "" if self._is_openmetrics else "[ \\t]*"
        string = string_pattern(any_escape=self._is_openmetrics)
        self._labels = LabelGrammar(space, string)
        if self._is_openmetrics:
            self._tail = re.compile(r" ([^ \t]+)(?: ([^ \t#]+))?( # \{)?")
            self._comment = re.compile(
                rf"# (?:(EOF)|(HELP|TYPE|UNIT) (?:({LEGACY_METRIC_NAME})|{string})(?: (.*))?)"
            )
        else:
            self._tail = re.compile(r"[ \t]*+(?<=[ \t}])([^ \t{]+)(?:[ \t]+([+-]?[0-9]+))?[ \t]*()")
            self._comment = re.compile(
                rf"[ \t]*#[ \t]+(?:(\0)|(HELP|TYPE)[ \t]+(?:({LEGACY_METRIC_NAME})|{string})"
                rf"(?:[ \t](.*))?)"
            )

    def comment(self, line: bytes, number: int) -> Comment | None:
        """Return the metadata of a line that begins with `#`, None for a plain comment.

        Raises:
            ExpositionError: the line is malformed metadata.
        """
        text = _decode(line, number)
        match = self._comment.fullmatch(text)
        if match is None:
            words = text.split(maxsplit=2)
            if self._is_openmetrics or (words[0] == "#" and words[1:2] in (["HELP"], ["TYPE"])):
                raise ExpositionError(number, f"malformed comment {quoted(text)}")
            return None
        if match[1]:
            return Comment("EOF", "", "")
        name = match[3] if match[3] is not None else unescape(match[4])
        return Comment(match[2], name, match[5] or "")

    def sample(self, line: bytes, number: int, types: Mapping[str, str]) -> Sample:
        """Return the sample of a line.

        Args:
            line: the line without its line feed.
            number: its line number, for messages.
            types: type by metric family; bounds of histograms and summaries are made
                canonical.

        Raises:
            ExpositionError: the line is malformed.
        """
        text = _decode(line, number)
        try:
            pairs, at = self._labels.series(text)
            sample = self._after_labels(text, at, pairs)
        except ValueError as exc:
            raise ExpositionError(number, str(exc)) from None
        label = bound_label(pairs, types)
        if label is None:
            return sample
        return sample._replace(
            pairs=tuple(
                (name, canonical_bound(value) if name == label else value) for name, value in pairs
            )
        )

    def _after_labels(self, text: str, at: int, pairs: Pairs) -> Sample:
        """Parse value, timestamp and exemplar, which begin at `at`."""
        tail = self._tail.match(text, at)
        if tail is None:
            raise ValueError(f"expected a value after the series, found {quoted(text[at:])}")
        number, timestamp, exemplar = tail.groups()
        value = parse_value(number)
        timestamp_ms = None if timestamp is None else self.timestamp_ms(timestamp)
        if exemplar:
            self._check_exemplar(text, tail.end())
            return Sample(pairs, value, timestamp_ms, 0)
        if tail.end() != len(text):
            raise ValueError(f"unexpected {quoted(text[tail.end() :])} after the sample")
        end = number if timestamp is None else f"{number} {timestamp}"
        plain = text.endswith(end, tail.start()) and text[-len(end) - 1] == " "
        return Sample(pairs, value, timestamp_ms, len(text.encode()) - len(end) if plain else 0)

    def timestamp_ms(self, text: str) -> int:
        """Return a timestamp in milliseconds; OpenMetrics writes seconds.

        Raises:
            ValueError: `text` is not a valid timestamp.
        """
        if self._is_openmetrics:
            seconds = parse_value(text)
            if not abs(seconds) < 2**53:
                raise ValueError(f"timestamp {quoted(text)} is out of range")
            return round(seconds * 1000)
        if _INTEGER.fullmatch(text) is None:
            raise ValueError(f"timestamp {quoted(text)} is no integer")
        timestamp_ms = int(text) if len(text) <= 20 else 2**63
        if timestamp_ms not in _INT64:
            raise ValueError(f"timestamp {quoted(text)} is out of range")
        return timestamp_ms

    def _check_exemplar(self, text: str, at: int) -> None:
        """Check the exemplar whose labels begin at `at`; exemplars are not stored."""
        try:
            at = self._labels.skip_labels(text, at)
        except ValueError as exc:
            raise ValueError(f"in the exemplar: {exc}") from None
        tail = self._tail.match(text, at)
        if tail is None or tail.end() != len(text) or tail[3]:
            raise ValueError(f"malformed exemplar {quoted(text[at:])}")
        parse_value(tail[1])
        if tail[2] is not None:
            self.timestamp_ms(tail[2])


def _decode(line: bytes, number: int) -> str:
    """Return the text of a line.

    Raises:
        ExpositionError: the line is too long, not UTF-8, or contains a NUL byte.
    """
    if len(line) > MAX_LINE_BYTES:
        raise ExpositionError(number, f"longer than {MAX_LINE_BYTES} bytes")
    if b"\0" in line:
        raise ExpositionError(number, f"NUL byte at column {line.index(0) + 1}")
    try:
        return line.decode()
    except UnicodeDecodeError as exc:
        raise ExpositionError(number, f"invalid UTF-8 at column {exc.start + 1}") from None


GRAMMARS: Mapping[ExpositionFormat, LineGrammar] = {
    exposition_format: LineGrammar(exposition_format) for exposition_format in ExpositionFormat
}
