"""Where the lexer stops in numbers and durations that are written badly.

The lexer's regular expressions match well-formed numbers. This slow path finds the extent of all
others, for the error message, and accepts those that only the parser rejects (`1e`, `5hs`).

Source: Prometheus, promql/parser/lex.go (scanNumber, acceptRemainingDuration).
"""

from typing import Final

_DECIMAL: Final = frozenset("0123456789")
_HEXADECIMAL: Final = _DECIMAL | frozenset("abcdefABCDEF")
_UNITS: Final = frozenset("smhdwy")
_LATER_UNITS: Final = frozenset("smhdw")
_WORD: Final = frozenset("0123456789_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


def scan(text: str, start: int) -> tuple[str, int]:
    """Return the kind ("number", "duration", or "" if malformed) and the end of a number."""
    scanner = _Scanner(text, start)
    if scanner.number():
        return "number", scanner.at
    if scanner.units():
        return "duration", scanner.at
    return "", scanner.at


class _Scanner:
    def __init__(self, text: str, start: int) -> None:
        self._text = text
        self.at = start

    def _next_in(self, characters: frozenset[str] | str) -> bool:
        here = self._text[self.at : self.at + 1]
        return here != "" and here in characters

    def _accept(self, characters: frozenset[str] | str) -> bool:
        found = self._next_in(characters)
        self.at += found
        return found

    def _accept_run(self, characters: frozenset[str]) -> None:
        while self._accept(characters):
            pass

    def number(self) -> bool:
        """Scan a number; return whether it is one."""
        digits, dots, exponents = _DECIMAL, 0, 0
        if self._accept("0") and self._accept("xX"):
            self._accept("_")
            digits = _HEXADECIMAL
        self._accept(".")
        self._accept(digits)
        while self._next_in(digits | frozenset("._eE")):
            # Hexadecimal digits include "e", but an exponent is looked for first.
            if self._next_in("."):
                dots += 1
                self._accept(".")
                if dots > 1 or self._accept("_.") or digits is _HEXADECIMAL:
                    return False
            elif self._next_in("eE"):
                exponents += 1
                self._accept("eE")
                if exponents > 1:
                    return False
                self._accept("+-")
                if self._accept("._eE") or self.at == len(self._text):
                    return False
            elif self._accept("_"):
                if self._accept("._eE") or self.at == len(self._text):
                    return False
            else:
                self._accept_run(digits)
        return not self._next_in(_WORD)

    def units(self) -> bool:
        """Scan units and further numbers after a number; return whether it is a duration."""
        if not self._accept(_UNITS):
            return False
        self._accept("s")
        while self._accept(_DECIMAL):
            self._accept_run(_DECIMAL)
            if not self._accept(_LATER_UNITS):
                return False
            self._accept("s")
        if self._next_in(_WORD):
            # The lexer has read the character behind the duration.
            self.at += 1
            return False
        return True
