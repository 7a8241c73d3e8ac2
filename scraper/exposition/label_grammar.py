r"""The grammar of metric names and label sets, in both text formats.

A label value may contain only the escapes \\, \" and \n (OpenMetrics: also a backslash
that stands for itself), and no raw line feed or NUL byte.

Source: Prometheus documentation, "Exposition formats" and "UTF-8 names in Prometheus".
"""

import re

from model.labels import METRIC_NAME
from scraper.exposition.names import LABEL_NAME, LEGACY_METRIC_NAME
from scraper.messages import quoted

Pairs = tuple[tuple[str, str], ...]
"""Labels as written, `__name__` first; empty values are kept, unlike in `Labels`."""

_ESCAPED = frozenset('\\"n')


def unescape(text: str) -> str:
    """Return `text` with the escapes of label values and help texts replaced."""
    if "\\" not in text:
        return text
    # A line never contains a NUL byte, so NUL can stand for an escaped backslash here.
    text = text.replace("\\\\", "\0").replace('\\"', '"').replace("\\n", "\n")
    return text.replace("\0", "\\")


def string_pattern(*, any_escape: bool) -> str:
    """Return the pattern of a quoted string, its content as the only group."""
    escape = r"\\." if any_escape else r'\\[\\"n]'
    # Possessive quantifiers: hostile input costs one pass and no backtracking memory.
    return rf'"([^"\\]*+(?:{escape}[^"\\]*+)*+)"'


class LabelGrammar:
    """Parses metric names and label sets of one format; stateless."""

    def __init__(self, space: str, string: str) -> None:
        """Compile the patterns.

        Args:
            space: pattern of the white space allowed between tokens.
            string: pattern of a quoted string; see `string_pattern`.
        """
        self._head = re.compile(rf"{space}(?:({LEGACY_METRIC_NAME}){space}(\{{)?|(\{{))")
        self._item = re.compile(
            rf"{space}(?:({LABEL_NAME})|{string}){space}(?:(=){space}{string}{space})?(?:,|(\}}))"
        )
        self._close = re.compile(rf"{space}\}}")
        self._string = re.compile(string)

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
            unquoted, string, equal, value, brace = item.groups()
            label = unquoted if string is None else unescape(string)
            at = item.end()
            if equal:
                labels.append((label, unescape(value)))
            elif name is None and not labels and string is not None:
                name = label
            else:
                raise ValueError(f"label {quoted(label)} has no value")
            closed = item if brace else self._close.match(text, at)
        if not name:
            raise ValueError("the series has no metric name")
        _check_names(labels)
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
            closed = item if item[5] else self._close.match(text, at)
        return closed.end()

    def _label_problem(self, text: str, at: int) -> str:
        """Return why no valid label begins at `at`."""
        rest = text[at:].lstrip(" \t")
        if not rest:
            return "the label set is not closed"
        name = re.match(rf'{LABEL_NAME}|"', rest)
        if name is None:
            return f"expected a label name, found {quoted(rest)}"
        if name[0] != '"':
            rest = rest[name.end() :].lstrip(" \t")
            if not rest.startswith("="):
                return f'expected "=" after label {quoted(name[0])}, found {quoted(rest)}'
            rest = rest[1:].lstrip(" \t")
            if not rest.startswith('"'):
                return f"the value of label {quoted(name[0])} is not in quotes"
        string = self._string.match(rest)
        if string is None:
            return _string_problem(rest)
        rest = rest[string.end() :]
        if not rest:
            return "the label set is not closed"
        return f'expected "," or "}}" after a label, found {quoted(rest)}'


def _string_problem(text: str) -> str:
    """Return why `text` does not begin with a valid quoted string."""
    for match in re.finditer(r'\\(.?)|"', text[1:]):
        if match[0] == '"' or not match[1]:
            break
        if match[1] not in _ESCAPED:
            return f"bad escape {match[0]} in a quoted string"
    return f"the quoted string {quoted(text[:32])} is not closed"


def _check_names(labels: list[tuple[str, str]]) -> None:
    names: set[str] = set()
    for name, _ in labels:
        if name in names:
            raise ValueError(f"label name {quoted(name)} is not unique")
        names.add(name)
    if METRIC_NAME in names:
        raise ValueError(f"label name {quoted(METRIC_NAME)} is reserved")
    if "" in names:
        raise ValueError("a label name is empty")
