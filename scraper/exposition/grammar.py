"""The grammar of one exposition line, in both text formats.

It accepts and refuses what Prometheus's own parser does, but for the differences in
docs/configuration.md. Each line stands alone, except that the last `# TYPE` line decides
which label of the samples below it is a bucket bound or quantile.

Sources: Prometheus documentation, "Exposition formats"; OpenMetrics 1.0, "Text format";
Prometheus's parsers `promparse.go` and `openmetricsparse.go` (3.5).
"""

import math
import re
from collections.abc import Mapping
from typing import NamedTuple

from scraper.exposition.errors import ExpositionError, InvalidSeriesError
from scraper.exposition.formats import ExpositionFormat
from scraper.exposition.label_grammar import (
    QUOTED_NAME,
    InvalidLabelsError,
    LabelGrammar,
    Pairs,
    valid_pairs,
)
from scraper.exposition.names import LEGACY_METRIC_NAME
from scraper.exposition.numbers import canonical_bound, parse_value
from scraper.messages import quoted

MAX_LINE_BYTES = 2**24
"""Longest accepted line: one pass of a regular expression holds the GIL throughout."""

_MAX_INT64 = 2**63 - 1


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
        written: the metric name and labels as written.
    """

    pairs: Pairs
    value: float
    timestamp_ms: int | None
    value_at: int
    written: str


class Comment(NamedTuple):
    """A metadata line; `keyword` is HELP, TYPE, UNIT or EOF."""

    keyword: str
    name: str
    text: str


BOUND_LABELS = {"histogram": "le", "summary": "quantile"}
"""The label that holds a bucket bound or quantile, by metric type."""


class LineGrammar:
    """Parses single lines of one format; stateless."""

    def __init__(self, exposition_format: ExpositionFormat) -> None:
        self.format = exposition_format
        self._is_openmetrics = exposition_format is ExpositionFormat.OPENMETRICS
        self._labels = LabelGrammar(exposition_format)
        name = rf"(?:({LEGACY_METRIC_NAME})|{QUOTED_NAME})"
        if self._is_openmetrics:
            self._tail = re.compile(r" ([^ \n]+)(?: ((?!# \{)[^ \n]+))?( # \{)?")
            self._comment = re.compile(rf"# (?:(EOF)|(HELP|TYPE|UNIT) {name}( .*))", re.DOTALL)
        else:
            self._tail = re.compile(r"[ \t]*+([^{ \t\n\0]+)(?:[ \t]+([0-9]+))?[ \t]*()")
            self._comment = re.compile(
                rf"[ \t]*+#[ \t]++(?:((?!))|(HELP|TYPE)[ \t]++{name}((?!\0).*))", re.DOTALL
            )
        self._metadata = re.compile(r"[ \t]*+#[ \t]++(?:HELP|TYPE)[ \t]")

    def comment(self, line: bytes, number: int) -> Comment | None:
        """Return the metadata of a line that begins with `#`, None for a plain comment.

        Raises:
            ExpositionError: the line is malformed metadata.
        """
        if len(line) > MAX_LINE_BYTES:
            raise _too_long(number)
        text = line.decode(errors="surrogateescape")
        match = self._comment.fullmatch(text)
        if match is None:
            if self._is_openmetrics or self._metadata.match(text):
                raise ExpositionError(number, f"malformed comment {quoted(_printable(text))}")
            return None
        if match[1]:
            return Comment("EOF", "", "")
        name = match[3] if match[3] is not None else _printable(match[4])
        # The first character after the name separates it from the text, whatever it is.
        content = match[5][1:] if match[5].strip(" \t") or self._is_openmetrics else ""
        if match[2] == "HELP":
            try:
                content.encode()
            except UnicodeEncodeError:
                raise ExpositionError(number, "the help text is not UTF-8") from None
        return Comment(match[2], name, _printable(content))

    def sample(self, line: bytes, number: int, bound: str | None) -> Sample:
        """Return the sample of a line.

        Args:
            line: the line without its line feed.
            number: its line number, for messages.
            bound: the label whose value is a bucket bound or quantile, to be made
                canonical.

        Raises:
            ExpositionError: the line is malformed.
        """
        text = _decode(line, number)
        try:
            pairs, at = self._labels.series(text)
            sample = self._after_labels(text, at, pairs)
            pairs = valid_pairs(pairs)
        except InvalidLabelsError as exc:
            raise InvalidSeriesError(number, str(exc)) from None
        except ValueError as exc:
            raise ExpositionError(number, str(exc)) from None
        if bound is not None:
            pairs = tuple(
                (name, canonical_bound(value) if name == bound else value) for name, value in pairs
            )
        return sample._replace(pairs=pairs)

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
            return Sample(pairs, value, timestamp_ms, 0, text[:at])
        if tail.end() != len(text):
            raise ValueError(f"unexpected {quoted(text[tail.end() :])} after the sample")
        end = number if timestamp is None else f"{number} {timestamp}"
        plain = text.endswith(end, tail.start()) and text[-len(end) - 1] == " "
        value_at = len(text.encode()) - len(end) if plain else 0
        return Sample(pairs, value, timestamp_ms, value_at, text[:at])

    def timestamp_ms(self, text: str) -> int:
        """Return a timestamp in milliseconds; OpenMetrics writes seconds.

        Raises:
            ValueError: `text` is not a valid timestamp.
        """
        if self._is_openmetrics:
            seconds = parse_value(text)
            if not math.isfinite(seconds):
                raise ValueError(f"timestamp {quoted(text)} is not finite")
            # Far out of what is stored; such a sample is dropped, its scrape is not.
            return round(min(max(seconds, -(2.0**52)), 2.0**52) * 1000)
        if not (text.isascii() and text.isdigit()):
            raise ValueError(f"timestamp {quoted(text)} is no integer")
        timestamp_ms = int(text) if len(text) <= 400 else _MAX_INT64 + 1
        if timestamp_ms > _MAX_INT64:
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


def _too_long(number: int) -> ExpositionError:
    return ExpositionError(number, f"longer than {MAX_LINE_BYTES} bytes")


def _decode(line: bytes, number: int) -> str:
    """Return the text of a line.

    Raises:
        ExpositionError: the line is too long or not UTF-8.
    """
    if len(line) > MAX_LINE_BYTES:
        raise _too_long(number)
    try:
        return line.decode()
    except UnicodeDecodeError as exc:
        raise ExpositionError(number, f"invalid UTF-8 at column {exc.start + 1}") from None


def _printable(text: str) -> str:
    """Return text without the bytes that are not UTF-8, in whose place stands U+FFFD."""
    return text.encode(errors="surrogateescape").decode(errors="replace")


GRAMMARS: Mapping[ExpositionFormat, LineGrammar] = {
    exposition_format: LineGrammar(exposition_format) for exposition_format in ExpositionFormat
}
