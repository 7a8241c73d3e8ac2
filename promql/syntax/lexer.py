"""Splits PromQL text into tokens, with Prometheus's error messages.

Regular expressions match the tokens. `Token` is a named tuple, because a query of one
kilobyte has hundreds of them.

Source: Prometheus, promql/parser/lex.go, for the token rules and error texts.
"""

import re
from typing import Final, NamedTuple

from promql.syntax import malformed_numbers
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
LABEL_WORDS: Final = (_WORDS | {"identifier", "metric identifier"}) - _FILLS
"""Kinds of tokens that can be a label name."""

# Possessive quantifiers, so that backtracking cannot end a comment early.
_SKIPPED = r"[ \t\n\r]*+(?:#[^\r\n]*+[ \t\n\r]*+)*+"
_NUMBER = (
    r"0[xX]_?[0-9a-fA-F](?:_?[0-9a-fA-F])*"
    r"|(?:[0-9](?:_?[0-9])*\.?(?:[0-9](?:_?[0-9])*)?|\.[0-9](?:_?[0-9])*)(?:[eE][+-]?[0-9](?:_?[0-9])*)?"
)
_DURATION = r"[0-9]+(?:ms|[smhdwy])(?:[0-9]+(?:ms|[smhdw]))*"
_SYMBOL = r"==|!=|<=|>=|</|>/|=(?!~)|[-+*/%^<>@,(){\[\]]"
_STRING = r"\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|`[^`]*`"

_OUTSIDE = re.compile(
    rf"{_SKIPPED}(?:(?P<word>[a-zA-Z_:][a-zA-Z0-9_:]*)"
    rf"|(?P<duration>{_DURATION})(?![a-zA-Z0-9_.])|(?P<number>{_NUMBER})(?![a-zA-Z0-9_.])"
    rf"|(?P<operator>{_SYMBOL})|(?P<string>{_STRING}))"
)
_INSIDE_BRACES = re.compile(
    rf"{_SKIPPED}(?:(?P<identifier>[a-zA-Z_][a-zA-Z0-9_]*)"
    rf"|(?P<operator>=~|!~|!=|[=,}}])|(?P<string>{_STRING}))"
)
# In brackets, up to the first number; operators and parentheses do not end this part.
_INSIDE_BRACKETS = re.compile(
    rf"[ \t\n\r]*+(?:(?P<durationword>[a-zA-Z_]+)"
    rf"|(?P<duration>{_DURATION})(?![a-zA-Z0-9_.])|(?P<number>{_NUMBER})(?![a-zA-Z0-9_.])"
    rf"|(?P<operator>[-+*/%^,():\]]))"
)
# In brackets, after the first number: as outside, but for words and colons.
_AFTER_NUMBER = re.compile(
    rf"{_SKIPPED}(?:(?P<durationword>[a-zA-Z_]+)"
    rf"|(?P<duration>{_DURATION})(?![a-zA-Z0-9_.])|(?P<number>{_NUMBER})(?![a-zA-Z0-9_.])"
    rf"|(?P<operator>{_SYMBOL}|:)|(?P<string>{_STRING}))"
)
_SPACE = re.compile(_SKIPPED)
_BLANKS = re.compile(r"[ \t\n\r]*")
_OPEN_PAREN = re.compile(r"[ \t\n\r]*\(")


_DIGITS: Final = frozenset("0123456789")


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
        self._measured = False

    def run(self) -> list[Token]:
        text, tokens = self._text, self._tokens
        pattern, at = _OUTSIDE, 0
        while True:
            if tokens and tokens[-1].kind == "error":
                return tokens
            match = pattern.match(text, at)
            if match is None:
                tokens.append(self._unmatched(pattern, at))
                if tokens[-1].kind == "eof":
                    return tokens
                at = tokens[-1].end
                if pattern is _INSIDE_BRACKETS:
                    self._measured, pattern = True, _AFTER_NUMBER
                continue
            kind = match.lastgroup
            start, at = match.span(kind)  # type: ignore[arg-type]
            word = text[start:at]
            if kind == "operator":
                tokens.append(Token(word, word, start))
                if word in "()[]:":
                    tokens[-1] = self._bracketing(tokens[-1], pattern)
                pattern = self._pattern_after(word, pattern)
            elif kind == "word":
                tokens.append(self._word(word, start))
            elif kind == "durationword":
                tokens.append(_duration_word(word, start, pattern))
            elif kind == "string":
                problem = bad_escape(word)
                is_good = problem is None
                tokens.append(Token("string" if is_good else "error", problem or word, start))
            else:
                tokens.append(Token(kind, word, start))  # type: ignore[arg-type]
                if pattern is _INSIDE_BRACKETS:
                    self._measured, pattern = True, _AFTER_NUMBER

    def _pattern_after(self, operator: str, pattern: re.Pattern[str]) -> re.Pattern[str]:
        """Return the pattern of the tokens after an operator."""
        match operator:
            case "{":
                return _INSIDE_BRACES
            case "}":
                return _AFTER_NUMBER if self._bracket else _OUTSIDE
            case "[":
                return _INSIDE_BRACKETS
            case "]":
                return _OUTSIDE
        return pattern

    def _word(self, word: str, start: int) -> Token:
        lower = word.lower()
        if lower in _WORDS:
            if lower in _FILLS and not _OPEN_PAREN.match(self._text, start + len(word)):
                return Token("identifier", word, start)
            return Token(lower, word, start)
        if lower in ("inf", "nan"):
            return Token("number", word, start)
        return Token("metric identifier" if ":" in word else "identifier", word, start)

    def _bracketing(self, token: Token, pattern: re.Pattern[str]) -> Token:
        """Track open brackets; return the token, or an error if it does not fit.

        Some errors are at the position after the character, as in Prometheus.
        """
        word, start = token.text, token.start
        if word == "(":
            self._parens += 1
        elif word == ")":
            self._parens -= 1
            if self._parens < 0:
                return Token("error", "unexpected right parenthesis ')'", start + 1)
        elif word == "[":
            if self._bracket:
                return Token("error", "unexpected left bracket '['", start)
            self._bracket, self._colon = True, False
        elif word == "]":
            if not self._bracket:
                return Token("error", "unexpected right bracket ']'", start)
            self._bracket = False
        else:
            return self._colon_token(token, pattern)
        return token

    def _colon_token(self, token: Token, pattern: re.Pattern[str]) -> Token:
        """Return a colon in brackets, or an error if it is not the first or comes too early."""
        repeated, self._colon = self._colon, True
        if pattern is _AFTER_NUMBER:
            return Token("error", "unexpected colon ':'", token.start) if repeated else token
        if not self._measured:
            message = "unexpected colon before duration in duration expression"
            return Token("error", message, token.start + 1)
        if repeated:
            message = "unexpected repeated colon in duration expression"
            return Token("error", message, token.start + 1)
        return token

    def _unmatched(self, pattern: re.Pattern[str], at: int) -> Token:
        """Return the end of input, a badly written number, or an error: no token starts here."""
        text = self._text
        space = (_BLANKS if pattern is _INSIDE_BRACKETS else _SPACE).match(text, at)
        start = space.end() if space else at
        if start >= len(text):
            return self._end(pattern, start)
        char = text[start]
        if char in "\"'`" and pattern is not _INSIDE_BRACKETS:
            return Token("error", unterminated(text[start:]), start)
        if pattern is _INSIDE_BRACES:
            return Token("error", _inside_braces(text, start), start)
        if char in _DIGITS or (char == "." and text[start + 1 : start + 2] in _DIGITS):
            kind, end = malformed_numbers.scan(text, start)
            word = text[start:end]
            if kind:
                return Token(kind, word, start)
            return Token("error", f"bad number or duration syntax: {_quoted(word)}", start)
        if pattern is _INSIDE_BRACKETS:
            return Token("error", _unexpected_duration(char), start)
        if char in "!=":
            after = _rune(text[start + 1 : start + 2])
            return Token("error", f"unexpected character after '{char}': {after}", start)
        return Token("error", f"unexpected character: {_rune(char)}", start)

    def _end(self, pattern: re.Pattern[str], start: int) -> Token:
        if pattern is _INSIDE_BRACES:
            return Token("error", "unexpected end of input inside braces", start)
        if pattern is _INSIDE_BRACKETS:
            return Token("error", "unexpected end of input in duration expression", start)
        if self._parens:
            return Token("error", "unclosed left parenthesis", start)
        if self._bracket:
            return Token("error", "unclosed left bracket", start)
        return Token("eof", "", start)


def _duration_word(word: str, start: int, pattern: re.Pattern[str]) -> Token:
    """Return a function of durations, or an error for any other word in brackets."""
    if word.lower() in _DURATION_WORDS:
        return Token(word.lower(), word, start)
    if pattern is _AFTER_NUMBER:
        return Token("error", f"unexpected character: {_rune(word[0])}, expected ':'", start)
    return Token("error", _unexpected_duration(word[0]), start)


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
        return "'\ufffd'"
    return f"'{_ESCAPED.get(char, char)}'"


_ESCAPED = {"\n": "\\n", "\t": "\\t", "\r": "\\r", "'": "\\'", "\\": "\\\\"}


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
