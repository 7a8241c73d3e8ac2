"""Splits PromQL text into tokens, with Prometheus's error messages.

Regular expressions match the tokens. `Token` is a named tuple, because a query of one
kilobyte has hundreds of them.

Source: Prometheus, promql/parser/lex.go, for the token rules and error texts.
"""

import re
from typing import Final, NamedTuple

from promql.syntax.strings import bad_escape, unterminated


class Token(NamedTuple):
    """One token: its kind for the grammar, its text and its offset in the query.

    The kind of an operator, punctuation or keyword is its text in lower case. The other
    kinds are "identifier", "metric identifier", "number", "duration", "string", "eof" and
    "error", whose text is the error message.
    """

    kind: str
    text: str
    start: int

    @property
    def end(self) -> int:
        """The offset after the token."""
        return self.start if self.kind == "error" else self.start + len(self.text)


AGGREGATORS: Final = frozenset(
    {
        "sum", "avg", "count", "min", "max", "group", "stddev", "stdvar", "topk", "bottomk",
        "count_values", "quantile", "limitk", "limit_ratio",
    }
)  # fmt: skip
SET_OPERATORS: Final = frozenset({"and", "or", "unless"})
COMPARISONS: Final = frozenset({"==", "!=", "<=", "<", ">=", ">"})
TRIMS: Final = frozenset({"</", ">/"})
"""Operators that trim native histograms."""
ARITHMETIC: Final = frozenset({"+", "-", "*", "/", "%", "^", "atan2"})
KEYWORDS: Final = frozenset(
    {
        "offset", "smoothed", "anchored", "by", "without", "on", "ignoring", "group_left",
        "group_right", "bool", "fill", "fill_left", "fill_right",
    }
)  # fmt: skip
_FILLS: Final = frozenset({"fill", "fill_left", "fill_right"})
_PREPROCESSORS: Final = frozenset({"start", "end", "step", "range"})
_WORDS: Final = AGGREGATORS | SET_OPERATORS | KEYWORDS | _PREPROCESSORS | {"atan2"}
_DURATION_WORDS: Final = frozenset({"step", "range", "min_of", "max_of"})
METRIC_WORDS: Final = (
    AGGREGATORS
    | SET_OPERATORS
    | _PREPROCESSORS
    | {"identifier", "metric identifier", "by", "offset", "without", "smoothed", "anchored"}
)
"""Kinds of tokens that can be a metric name."""
LABEL_WORDS: Final = (_WORDS | {"identifier"}) - _FILLS
"""Kinds of tokens that can be a label name."""

# Possessive quantifiers, so that backtracking cannot end a comment early.
_SKIPPED = r"[ \t\n\r]*+(?:#[^\r\n]*+[ \t\n\r]*+)*+"
_NUMBER = (
    r"0[xX]_?[0-9a-fA-F](?:_?[0-9a-fA-F])*"
    r"|(?:[0-9](?:_?[0-9])*\.?(?:[0-9](?:_?[0-9])*)?|\.[0-9](?:_?[0-9])*)(?:[eE][+-]?[0-9](?:_?[0-9])*)?"
)
_DURATION = r"[0-9]+(?:ms|[smhdwy])(?:[0-9]+(?:ms|[smhdw]))*"
_STRING = r"\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|`[^`]*`"

_OUTSIDE = re.compile(
    rf"{_SKIPPED}(?:(?P<word>[a-zA-Z_:][a-zA-Z0-9_:]*)"
    rf"|(?P<duration>{_DURATION})(?![a-zA-Z0-9_.])|(?P<number>{_NUMBER})(?![a-zA-Z0-9_.])"
    rf"|(?P<operator>==|!=|<=|>=|</|>/|[-+*/%^<>@=,(){{\[\]])|(?P<string>{_STRING}))"
)
_INSIDE_BRACES = re.compile(
    rf"{_SKIPPED}(?:(?P<identifier>[a-zA-Z_][a-zA-Z0-9_]*)"
    rf"|(?P<operator>=~|!~|!=|[=,}}])|(?P<string>{_STRING}))"
)
_INSIDE_BRACKETS = re.compile(
    rf"{_SKIPPED}(?:(?P<durationword>[a-zA-Z_]+)"
    rf"|(?P<duration>{_DURATION})(?![a-zA-Z0-9_.])|(?P<number>{_NUMBER})(?![a-zA-Z0-9_.])"
    rf"|(?P<operator>[-+*/%^,():\]]))"
)
_NEXT: Final = {"{": _INSIDE_BRACES, "}": _OUTSIDE, "[": _INSIDE_BRACKETS, "]": _OUTSIDE}
_SPACE = re.compile(_SKIPPED)
_OPEN_PAREN = re.compile(r"[ \t\n\r]*\(")
_RUN = re.compile(r"\.?[0-9a-zA-Z_.]+")


def tokenize(text: str) -> list[Token]:
    """Return the tokens of a query; the last one is "eof" or "error"."""
    return _Lexer(text).run()


class _Lexer:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[Token] = []
        self._parens = 0
        self._bracket = False
        self._colon = False

    def run(self) -> list[Token]:
        text, tokens = self._text, self._tokens
        pattern, at = _OUTSIDE, 0
        while True:
            match = pattern.match(text, at)
            if match is None:
                tokens.append(self._stop(pattern, at))
                return tokens
            kind = match.lastgroup
            start, at = match.span(kind)  # type: ignore[arg-type]
            word = text[start:at]
            if kind == "operator":
                tokens.append(Token(word, word, start))
                if word in "()[]:":
                    error = self._bracketing(word, start)
                    if error is not None:
                        tokens.append(error)
                        return tokens
                pattern = _NEXT.get(word, pattern)
            elif kind == "word":
                tokens.append(self._word(word, start))
            elif kind == "durationword":
                if word.lower() not in _DURATION_WORDS:
                    tokens.append(Token("error", _unexpected_duration(word[0]), start))
                    return tokens
                tokens.append(Token(word.lower(), word, start))
            elif kind == "string":
                tokens.append(Token("string", word, start))
                problem = bad_escape(word)
                if problem is not None:
                    tokens[-1] = Token("error", problem, start)
                    return tokens
            else:
                tokens.append(Token(kind, word, start))  # type: ignore[arg-type]

    def _word(self, word: str, start: int) -> Token:
        lower = word.lower()
        if lower in _WORDS:
            if lower in _FILLS and not _OPEN_PAREN.match(self._text, start + len(word)):
                return Token("identifier", word, start)
            return Token(lower, word, start)
        if lower in ("inf", "nan"):
            return Token("number", word, start)
        return Token("metric identifier" if ":" in word else "identifier", word, start)

    def _bracketing(self, word: str, start: int) -> Token | None:
        """Track open brackets; return an error for a closing one without its opening."""
        if word == "(":
            self._parens += 1
        elif word == ")":
            self._parens -= 1
            if self._parens < 0:
                self._tokens.pop()
                return Token("error", "unexpected right parenthesis ')'", start)
        elif word == "[":
            self._bracket, self._colon = True, False
        elif word == "]":
            if not self._bracket:
                self._tokens.pop()
                return Token("error", "unexpected right bracket ']'", start)
            self._bracket = False
        elif word == ":":
            if self._colon:
                self._tokens.pop()
                return Token("error", "unexpected repeated colon in duration expression", start)
            self._colon = True
        return None

    def _stop(self, pattern: re.Pattern[str], at: int) -> Token:
        """Return the end of input, or an error that says why no token starts here."""
        text = self._text
        space = _SPACE.match(text, at)
        start = space.end() if space else at
        if start >= len(text):
            return self._end(pattern, start)
        char = text[start]
        if char in "\"'`" and pattern is not _INSIDE_BRACKETS:
            return Token("error", unterminated(text[start:]), start)
        if pattern is _INSIDE_BRACES:
            return Token("error", _inside_braces(text, start), start)
        if char.isdigit() or char == ".":
            run = _RUN.match(text, start)
            word = run.group() if run else char
            if word != ".":
                return Token("error", f"bad number or duration syntax: {_quoted(word)}", start)
        if pattern is _INSIDE_BRACKETS:
            return Token("error", _unexpected_duration(char), start)
        if char == "!":
            after = _rune(text[start + 1 : start + 2])
            return Token("error", f"unexpected character after '!': {after}", start)
        return Token("error", f"unexpected character: {_rune(char)}", start)

    def _end(self, pattern: re.Pattern[str], start: int) -> Token:
        if pattern is _INSIDE_BRACES:
            return Token("error", "unexpected end of input inside braces", start)
        if pattern is _INSIDE_BRACKETS:
            return Token("error", "unexpected end of input in duration expression", start)
        if self._parens:
            return Token("error", "unclosed left parenthesis", start)
        return Token("eof", "", start)


def _inside_braces(text: str, start: int) -> str:
    char = text[start]
    if char == "!":
        after = _rune(text[start + 1 : start + 2])
        return f"unexpected character after '!' inside braces: {after}"
    if char == "{":
        return "unexpected left brace '{'"
    return f"unexpected character inside braces: {_rune(char)}"


def _unexpected_duration(char: str) -> str:
    return f"unexpected character in duration expression: {_rune(char)}"


def _rune(char: str) -> str:
    """Format a character as Go's `%q`."""
    if not char:
        return "'\\uffff'"
    return f"'{_ESCAPED.get(char, char)}'"


_ESCAPED = {"\n": "\\n", "\t": "\\t", "\r": "\\r", "'": "\\'", "\\": "\\\\"}


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
