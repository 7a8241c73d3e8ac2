"""Label matchers: the conditions of a selector on label sets.

Regular expressions are RE2 and anchored at both ends, as in Prometheus. RE2 takes linear
time, so no pattern can block the server.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

import re2

from model.labels import Labels, quote

_OPTIONS = re2.Options()
_OPTIONS.log_errors = False
_OPTIONS.dot_nl = True


class BadPatternError(ValueError):
    """The regular expression of a matcher is not valid RE2."""

    def __init__(self, pattern: str, reason: str) -> None:
        super().__init__(f"error parsing regexp {pattern!r}: {reason}")
        self.pattern, self.reason = pattern, reason


class MatchOperator(StrEnum):
    """The four operators of a matcher."""

    EQUAL = "="
    NOT_EQUAL = "!="
    MATCHES = "=~"
    NOT_MATCHES = "!~"


def compile_pattern(pattern: str) -> Any:
    """Return the compiled RE2 of `pattern`; use its `fullmatch`.

    Raises:
        BadPatternError: it is not valid RE2.
    """
    try:
        return re2.compile(pattern, options=_OPTIONS)
    except re2.error as exc:
        reason = exc.args[0] if exc.args else "invalid"
        text = reason.decode() if isinstance(reason, bytes) else str(reason)
        raise BadPatternError(pattern, text) from exc


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
        return cls(name, kind, value, compile_pattern(value) if regex else None)

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
    def matches_empty(self) -> bool:
        """Whether a series without the label satisfies the condition."""
        return self.matches("")

    def __str__(self) -> str:
        """Render as PromQL: `job=~"node|web"`."""
        return f"{self.name}{self.operator.value}{quote(self.value)}"


def matches_all(matchers: Iterable[Matcher], labels: Labels) -> bool:
    """Return whether a label set satisfies every matcher."""
    return all(matcher.matches(labels.get(matcher.name)) for matcher in matchers)
