"""Label matchers: the conditions of a selector on label sets.

Regular expressions are RE2 and anchored at both ends, as in Prometheus. RE2 takes linear
time, so no pattern can block the server.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

import re2

from model.go_regexp import explained, has_byte_escape
from model.labels import Labels, quote

_OPTIONS = re2.Options()
_OPTIONS.log_errors = False
_OPTIONS.dot_nl = True
# RE2's default of 8 MiB refuses `[\\pL]{900}`, which Go accepts; it takes 15 MiB.
_OPTIONS.max_mem = 64 << 20
_LINE_OPTIONS = re2.Options()
_LINE_OPTIONS.log_errors = False
_LINE_OPTIONS.max_mem = _OPTIONS.max_mem
_SPECIAL = frozenset("\\.+*?()[]{}^$")


class BadPatternError(ValueError):
    """A regular expression is not valid RE2; the message is Go's.

    Attributes:
        pattern: the expression.
        reason: what is wrong.
        part: the part of the expression that is wrong.
    """

    def __init__(self, pattern: str, reason: str, part: str) -> None:
        super().__init__(f"error parsing regexp: {reason}: `{part}`")
        self.pattern, self.reason, self.part = pattern, reason, part


class MatchOperator(StrEnum):
    """The four operators of a matcher."""

    EQUAL = "="
    NOT_EQUAL = "!="
    MATCHES = "=~"
    NOT_MATCHES = "!~"


def compile_pattern(pattern: str, *, dot_matches_newline: bool = True) -> Any:
    """Return the compiled RE2 of `pattern`; matchers use its `fullmatch`.

    Args:
        pattern: the expression.
        dot_matches_newline: True in matchers, False in functions of templates.

    Raises:
        BadPatternError: it is not valid RE2.
    """
    if "\\C" in pattern and has_byte_escape(pattern):
        raise BadPatternError(pattern, "invalid escape sequence", "\\C")
    try:
        options = _OPTIONS if dot_matches_newline else _LINE_OPTIONS
        return re2.compile(pattern, options=options)
    except UnicodeEncodeError as exc:
        raise BadPatternError(pattern, "invalid UTF-8", pattern) from exc
    except re2.error as exc:
        reason = exc.args[0] if exc.args else "invalid"
        text = reason.decode() if isinstance(reason, bytes) else str(reason)
        raise BadPatternError(pattern, *explained(pattern, text)) from exc


class _MatchesNothing:
    """The pattern of a text that is not UTF-8; no label has such a value."""

    def fullmatch(self, value: str) -> None:
        """Return None: the value does not match."""


def _pattern_of(value: str) -> Any:
    """Return the compiled pattern of a matcher.

    Prometheus compares a pattern without operators as text, so it need not be UTF-8.
    """
    is_text = _SPECIAL.isdisjoint(value)
    if is_text and any("\udc80" <= char <= "\udcff" for char in value):
        return _MatchesNothing()
    return compile_pattern(value)


@dataclass(frozen=True, slots=True)
class Matcher:
    """A condition on one label; a missing label has the value ""."""

    name: str
    operator: MatchOperator
    value: str
    _pattern: Any = field(default=None, compare=False, repr=False)

    @classmethod
    def of(cls, name: str, operator: str, value: str) -> Self:
        """Build a matcher; compiles the value if it is a regular expression.

        Raises:
            BadPatternError: the regular expression is not valid RE2.
            ValueError: the operator is none of the four.
        """
        kind = MatchOperator(operator)
        regex = kind in (MatchOperator.MATCHES, MatchOperator.NOT_MATCHES)
        return cls(name, kind, value, _pattern_of(value) if regex else None)

    def matches(self, value: str) -> bool:
        """Return whether a label with this value satisfies the condition."""
        match self.operator:
            case MatchOperator.EQUAL:
                return value == self.value
            case MatchOperator.NOT_EQUAL:
                return value != self.value
            case MatchOperator.MATCHES:
                return self._pattern.fullmatch(value) is not None
            case MatchOperator.NOT_MATCHES:
                return self._pattern.fullmatch(value) is None

    @property
    def is_pattern(self) -> bool:
        """Whether the value is a regular expression."""
        return self._pattern is not None

    @property
    def matches_empty(self) -> bool:
        """Whether a series without the label satisfies the condition."""
        return self.matches("")

    def __str__(self) -> str:
        """Render as PromQL: `job=~"node|web"`."""
        return f"{self.name}{self.operator.value}{quote(self.value)}"


def matches_all(matchers: Iterable[Matcher], labels: Labels) -> bool:
    """Return whether a label set satisfies every matcher."""
    return all(matcher.matches(labels.get(matcher.name)) for matcher in matchers)
