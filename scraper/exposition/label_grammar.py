r"""The grammar of metric names and label sets, in both text formats.

A quoted label value may contain any byte but an unescaped quote; OpenMetrics also forbids
line feeds. The escapes are \\, \" and \n; a backslash before another character stands for
itself.

Source: Prometheus's lexers `promlex.l` and `openmetricslex.l` (3.5), and "UTF-8 names in
Prometheus".
"""

import re

from model.labels import METRIC_NAME
from scraper.exposition.formats import ExpositionFormat
from scraper.exposition.names import LABEL_NAME, LEGACY_METRIC_NAME
from scraper.messages import quoted

Pairs = tuple[tuple[str, str], ...]
"""Labels as written, `__name__` first; empty values are kept, unlike in `Labels`."""

# Possessive quantifiers: hostile input costs one pass and no backtracking memory.
QUOTED_NAME = r'"([^"\\\0]*+(?:\\[^\n\0][^"\\\0]*+)*+)"'
"""Pattern of a quoted name, its content as the only group."""
_TEXT_VALUE = r'"([^"\\]*+(?:\\\0*+[^\n\0][^"\\]*+)*+)"'
_OPENMETRICS_VALUE = r'"([^"\\\n]*+(?:\\\0*+[^\n\0][^"\\\n]*+)*+)"'
_ESCAPE = re.compile(r'\\([\\"n])')
_HELP_ESCAPE = re.compile(r"\\([\\n])")


def unescape(text: str) -> str:
    """Return `text` with the escapes of names and label values replaced."""
    return _ESCAPE.sub(_unescaped, text) if "\\" in text else text


def unescape_help(text: str) -> str:
    """Return a help text of the text format with its escapes replaced."""
    return _HELP_ESCAPE.sub(_unescaped, text) if "\\" in text else text


def _unescaped(match: re.Match[str]) -> str:
    return "\n" if match[1] == "n" else match[1]


class InvalidLabelsError(ValueError):
    """A well-formed label set with a name that is repeated, empty or missing."""


class LabelGrammar:
    """Parses metric names and label sets of one format; stateless."""

    def __init__(self, exposition_format: ExpositionFormat) -> None:
        is_text = exposition_format is ExpositionFormat.TEXT
        space = "[ \\t]*+" if is_text else ""
        value = _TEXT_VALUE if is_text else _OPENMETRICS_VALUE
        # The text format needs no comma between labels.
        end = r"(?:(,)|(\})|)" if is_text else r"(?:(,)|(\}))"
        self._head = re.compile(rf"{space}(?:({LEGACY_METRIC_NAME})(?:{space}(\{{))?|(\{{))")
        self._item = re.compile(
            rf"{space}(?:({LABEL_NAME})|{QUOTED_NAME}){space}(?:(=){space}{value}{space})?{end}"
        )
        self._close = re.compile(rf"{space}\}}")
        self._value = re.compile(value)

    def series(self, text: str) -> tuple[Pairs, int]:
        """Return the labels at the start of a line, and the offset of what follows.

        Raises:
            ValueError: the name or the label set is malformed.
        """
        head = self._head.match(text)
        if head is None:
            raise ValueError(f"expected a metric name, found {quoted(text.lstrip())}")
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
            unquoted, string, equal, value, comma, brace = item.groups()
            label = unquoted if string is None else unescape(string)
            if equal:
                labels.append((label, unescape(value)))
            elif not (comma or brace):
                raise ValueError(self._label_problem(text, at))
            elif name is None and string is not None:
                name = label
            else:
                raise ValueError(f"label {quoted(label)} has no value")
            at = item.end()
            closed = item if brace else self._close.match(text, at)
        if name is None:
            raise ValueError("the series has no metric name")
        return ((METRIC_NAME, name), *labels), closed.end()

    def skip_labels(self, text: str, at: int) -> int:
        """Return the offset after the label set whose first label begins at `at`.

        Raises:
            ValueError: the label set is malformed.
        """
        closed = self._close.match(text, at)
        while closed is None:
            item = self._item.match(text, at)
            if item is None or not item[3]:
                raise ValueError(self._label_problem(text, at))
            at = item.end()
            closed = item if item[6] else self._close.match(text, at)
        return closed.end()

    def _label_problem(self, text: str, at: int) -> str:
        """Return why no valid label begins at `at`."""
        rest = text[at:].lstrip(" \t")
        if not rest:
            return "the label set is not closed"
        name = re.match(rf'{LABEL_NAME}|{QUOTED_NAME}|"', rest)
        if name is None:
            return f"expected a label name, found {quoted(rest)}"
        if name[0] == '"':
            return f"the quoted string {quoted(rest[:32])} is not closed"
        rest = rest[name.end() :].lstrip(" \t")
        if not rest.startswith("="):
            return f'expected "=" after label {quoted(name[0])}, found {quoted(rest)}'
        rest = rest[1:].lstrip(" \t")
        if not rest.startswith('"'):
            return f"the value of label {quoted(name[0])} is not in quotes"
        string = self._value.match(rest)
        if string is None:
            return f"the quoted string {quoted(rest[:32])} is not closed"
        rest = rest[string.end() :]
        if not rest:
            return "the label set is not closed"
        return f'expected "," or "}}" after a label, found {quoted(rest)}'


def valid_pairs(pairs: Pairs) -> Pairs:
    """Return a series' labels if their names are valid.

    As in Prometheus, a label with an empty value removes every label of that name.

    Raises:
        InvalidLabelsError: a name is repeated or empty, or there is no metric name.
    """
    names = {name for name, _ in pairs} if len(pairs) > 1 else ()
    if names and len(names) < len(pairs):
        pairs = _without_repeats(pairs)
    if not pairs or pairs[0][0] != METRIC_NAME or not pairs[0][1]:
        raise InvalidLabelsError("the series has no metric name")
    if "" in names and ("", "") not in pairs:
        raise InvalidLabelsError("a label name is empty")
    return pairs


def _without_repeats(pairs: Pairs) -> Pairs:
    removed = {name for name, value in pairs if not value}
    pairs = tuple(pair for pair in pairs if pair[0] not in removed)
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            raise InvalidLabelsError(f"label name {quoted(name)} is not unique")
        seen.add(name)
    return pairs
