r"""The grammar of one exposition line, in both text formats.

As in Prometheus's own scraper, lines are read one by one: families may be interleaved
and metadata may stand anywhere. Where formats leave room this reader is strict: a label
value has only the escapes \\, \" and \n (OpenMetrics: also a backslash that stands for
itself), a raw line feed or NUL byte nowhere.

Sources: Prometheus documentation, "Exposition formats" and "UTF-8 names in Prometheus";
OpenMetrics 1.0, "Text format".
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from model.labels import METRIC_NAME
from scraper.exposition.errors import ExpositionError
from scraper.exposition.numbers import abridged, canonical_bound, parse_value

Pairs = tuple[tuple[str, str], ...]
"""Labels as written, `__name__` first; an empty value stays, unlike in `Labels`."""

MAX_LINE_BYTES = 2**20
"""Longer lines are refused: one regular expression's pass holds up all threads."""

_INTEGER = re.compile(r"[+-]?[0-9]+")
_INT64 = range(-(2**63), 2**63)
_ESCAPED = frozenset('\\"n')
LABEL_NAME = r"[a-zA-Z_][a-zA-Z0-9_]*"
LEGACY_METRIC_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"


class ExpositionFormat(StrEnum):
    """The text formats a target may answer in; the values name their media types."""

    TEXT = "text/plain"
    OPENMETRICS = "application/openmetrics-text"


class Sample(NamedTuple):
    """One sample line.

    Attributes:
        pairs: its labels as written, the metric's name first.
        value: the number.
        timestamp_ms: the explicit timestamp, None for the usual "now".
        value_at: offset in bytes of the value where the line is in its plain form, so
            that a later line with the same beginning can be read by slicing: the value,
            a single space and the timestamp if there is one, and nothing after. 0 for
            any other form.
    """

    pairs: Pairs
    value: float
    timestamp_ms: int | None
    value_at: int


class Comment(NamedTuple):
    """A metadata line: `keyword` is HELP, TYPE, UNIT or EOF."""

    keyword: str
    name: str
    text: str


def unescape(text: str) -> str:
    """Undo the escapes of a label value or a help text; others stay as written."""
    if "\\" not in text:
        return text
    # No line has a NUL byte: it stands for an escaped backslash meanwhile.
    text = text.replace("\\\\", "\0").replace('\\"', '"').replace("\\n", "\n")
    return text.replace("\0", "\\")


def bounded_family(pairs: Pairs, types: Mapping[str, str]) -> str | None:
    """Return the label of a histogram's or summary's series that holds a number."""
    name = pairs[0][1]
    if name.endswith("_bucket") and types.get(name[:-7]) in ("histogram", "gaugehistogram"):
        return "le"
    return "quantile" if types.get(name) == "summary" else None


class LineGrammar:
    """Reads single lines of one format; has no state of its own."""

    def __init__(self, exposition_format: ExpositionFormat) -> None:
        self.format = exposition_format
        self._strict_spaces = exposition_format is ExpositionFormat.OPENMETRICS
        space = "" if self._strict_spaces else "[ \\t]*"
        escape = r"\\." if self._strict_spaces else r'\\[\\"n]'
        # Possessive: hostile input costs one pass, and no memory for backtracking.
        string = rf'"([^"\\]*+(?:{escape}[^"\\]*+)*+)"'
        self._head = re.compile(rf"{space}(?:({LEGACY_METRIC_NAME}){space}(\{{)?|(\{{))")
        self._item = re.compile(
            rf"{space}(?:({LABEL_NAME})|{string}){space}(?:(=){space}{string}{space})?(?:,|(\}}))"
        )
        self._close = re.compile(rf"{space}\}}")
        self._string = re.compile(string)
        if self._strict_spaces:
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

    def decode(self, line: bytes, number: int) -> str:
        """Return a line's text.

        Raises:
            ExpositionError: it is too long, not UTF-8, or holds a NUL byte.
        """
        if len(line) > MAX_LINE_BYTES:
            raise ExpositionError(number, f"longer than {MAX_LINE_BYTES} bytes")
        if b"\0" in line:
            raise ExpositionError(number, f"NUL byte at column {line.index(0) + 1}")
        try:
            return line.decode()
        except UnicodeDecodeError as exc:
            raise ExpositionError(number, f"invalid UTF-8 at column {exc.start + 1}") from None

    def comment(self, line: bytes, number: int) -> Comment | None:
        """Read a line that begins with `#`; None for a comment that means nothing.

        Raises:
            ExpositionError: it is metadata and malformed.
        """
        text = self.decode(line, number)
        match = self._comment.fullmatch(text)
        if match is None:
            words = text.split(maxsplit=2)
            if self._strict_spaces or (words[0] == "#" and words[1:2] in (["HELP"], ["TYPE"])):
                raise ExpositionError(number, f"malformed comment {abridged(text)}")
            return None
        if match[1]:
            return Comment("EOF", "", "")
        name = match[3] if match[3] is not None else unescape(match[4])
        return Comment(match[2], name, match[5] or "")

    def sample(self, line: bytes, number: int, types: Mapping[str, str]) -> Sample:
        """Read a sample line.

        Args:
            line: the line without its line feed.
            number: its number, for messages.
            types: the type of each metric family, by which bounds are made canonical.

        Raises:
            ExpositionError: the line is malformed.
        """
        text = self.decode(line, number)
        try:
            pairs, at = self._series(text)
            sample = self._rest(text, at, pairs)
        except ValueError as exc:
            raise ExpositionError(number, str(exc)) from None
        label = bounded_family(pairs, types)
        if label is None:
            return sample
        return sample._replace(
            pairs=tuple(
                (name, canonical_bound(value) if name == label else value) for name, value in pairs
            )
        )

    def _series(self, text: str) -> tuple[Pairs, int]:
        """Return the labels at the line's start and the offset after them."""
        head = self._head.match(text)
        if head is None:
            raise ValueError(f"expected a metric name, found {abridged(text.lstrip())}")
        name, brace = head[1], head[2] or head[3]
        at = head.end()
        if not brace:
            return ((METRIC_NAME, name),), at
        labels: list[tuple[str, str]] = []
        closed = self._close.match(text, at)
        while closed is None:
            item = self._item.match(text, at)
            if item is None:
                raise ValueError(self._label_problem(text, at))
            bare, quoted, equal, value, brace = item.groups()
            label = bare if quoted is None else unescape(quoted)
            at = item.end()
            if equal:
                labels.append((label, unescape(value)))
            elif name is None and not labels and quoted is not None:
                name = label
            else:
                raise ValueError(f"label {abridged(label)} has no value")
            closed = item if brace else self._close.match(text, at)
        if not name:
            raise ValueError("the series has no metric name")
        _refuse_names(labels)
        return ((METRIC_NAME, name), *labels), closed.end()

    def _rest(self, text: str, at: int, pairs: Pairs) -> Sample:
        """Read what follows the labels: value, timestamp, exemplar."""
        tail = self._tail.match(text, at)
        if tail is None:
            raise ValueError(f"expected a value after the series, found {abridged(text[at:])}")
        number, stamp, exemplar = tail.groups()
        value = parse_value(number)
        timestamp_ms = None if stamp is None else self.timestamp_ms(stamp)
        if exemplar:
            self._exemplar(text, tail.end())
            return Sample(pairs, value, timestamp_ms, 0)
        if tail.end() != len(text):
            raise ValueError(f"unexpected {abridged(text[tail.end() :])} after the sample")
        end = number if stamp is None else f"{number} {stamp}"
        plain = text.endswith(end, tail.start()) and text[-len(end) - 1] == " "
        return Sample(pairs, value, timestamp_ms, len(text.encode()) - len(end) if plain else 0)

    def timestamp_ms(self, text: str) -> int:
        """Return the time that `text` writes: milliseconds, or seconds in OpenMetrics.

        Raises:
            ValueError: it is no time.
        """
        if self._strict_spaces:
            seconds = parse_value(text)
            if not abs(seconds) < 2**53:
                raise ValueError(f"timestamp {abridged(text)} is out of range")
            return round(seconds * 1000)
        if _INTEGER.fullmatch(text) is None:
            raise ValueError(f"timestamp {abridged(text)} is no integer")
        timestamp_ms = int(text) if len(text) <= 20 else 2**63
        if timestamp_ms not in _INT64:
            raise ValueError(f"timestamp {abridged(text)} is out of range")
        return timestamp_ms

    def _exemplar(self, text: str, at: int) -> None:
        """Check the exemplar whose labels begin at `at`; its content is not kept."""
        closed = self._close.match(text, at)
        while closed is None:
            item = self._item.match(text, at)
            if item is None or not item[3]:
                raise ValueError(f"in the exemplar: {self._label_problem(text, at)}")
            at = item.end()
            closed = item if item[5] else self._close.match(text, at)
        tail = self._tail.match(text, closed.end())
        if tail is None or tail.end() != len(text) or tail[3]:
            raise ValueError(f"malformed exemplar {abridged(text[closed.end() :])}")
        parse_value(tail[1])
        if tail[2] is not None:
            self.timestamp_ms(tail[2])

    def _label_problem(self, text: str, at: int) -> str:
        """Say what is wrong with the label that should begin at `at`."""
        rest = text[at:].lstrip(" \t")
        if not rest:
            return "the label set is not closed"
        name = re.match(rf'{LABEL_NAME}|"', rest)
        if name is None:
            return f"expected a label name, found {abridged(rest)}"
        if name[0] != '"':
            rest = rest[name.end() :].lstrip(" \t")
            if not rest.startswith("="):
                return f'expected "=" after label {abridged(name[0])}, found {abridged(rest)}'
            rest = rest[1:].lstrip(" \t")
            if not rest.startswith('"'):
                return f"the value of label {abridged(name[0])} is not in quotes"
        string = self._string.match(rest)
        if string is None:
            return _string_problem(rest)
        rest = rest[string.end() :]
        if not rest:
            return "the label set is not closed"
        return f'expected "," or "}}" after a label, found {abridged(rest)}'


def _string_problem(text: str) -> str:
    """Say why the quoted string at the start of `text` is none."""
    for match in re.finditer(r'\\(.?)|"', text[1:]):
        if match[0] == '"' or not match[1]:
            break
        if match[1] not in _ESCAPED:
            return f"bad escape {match[0]} in a quoted string"
    return f"the quoted string {abridged(text[:32])} is not closed"


def _refuse_names(labels: list[tuple[str, str]]) -> None:
    names: set[str] = set()
    for name, _ in labels:
        if name in names:
            raise ValueError(f"label name {abridged(name)} is not unique")
        names.add(name)
    if METRIC_NAME in names:
        raise ValueError(f"label name {abridged(METRIC_NAME)} is reserved")
    if "" in names:
        raise ValueError("a label name is empty")


GRAMMARS: Mapping[ExpositionFormat, LineGrammar] = {
    exposition_format: LineGrammar(exposition_format) for exposition_format in ExpositionFormat
}
