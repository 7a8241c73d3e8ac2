"""Parses matchers as Alertmanager 0.33 does: `severity=~"page|ticket"`, `{a="b", c!="d"}`.

The UTF-8 grammar comes first. A text that it refuses is read with the classic grammar of
earlier versions, which takes unquoted values such as `foo=` and `bar=[a+]`.

Source: Alertmanager documentation, "Configuration", matchers.
"""

import re

from alerting.templates.language.literals import ESCAPES, HEX_LENGTHS
from model.matchers import BadPatternError, Matcher

_OPERATORS = ("=~", "!~", "!=", "=")
_RESERVED = frozenset("{}!=~,\\\"'`")
_CLASSIC = re.compile(r"^\s*([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(=~|=|!=|!~)\s*((?s:.*?))\s*$")
_ESCAPES = {**ESCAPES, '"': '"'}


class BadMatcherError(ValueError):
    """A matcher is malformed; the message says where and why."""


def parse_matchers(text: str) -> tuple[Matcher, ...]:
    """Return the matchers of a text, `{…}` or without braces; may be none.

    Raises:
        BadMatcherError: neither grammar accepts the text.
    """
    try:
        return _Utf8Parser(text).matchers()
    except BadMatcherError as exc:
        try:
            return _classic_matchers(text)
        except BadMatcherError:
            raise exc from None


def parse_matcher(text: str) -> Matcher:
    """Return the one matcher of a text, which has no braces.

    Raises:
        BadMatcherError: the text is not one matcher.
    """
    if text.lstrip().startswith("{") or text.rstrip().endswith("}"):
        raise BadMatcherError(f"{text}: a matcher has no braces")
    found = parse_matchers(text)
    if len(found) != 1:
        raise BadMatcherError(f"{text}: expected one matcher, found {len(found)}")
    return found[0]


def _matcher(name: str, operator: str, value: str) -> Matcher:
    try:
        return Matcher.of(name, operator, value)
    except BadPatternError as exc:
        raise BadMatcherError(str(exc)) from exc


class _Utf8Parser:
    """The grammar of Alertmanager 0.27 and later: any text in quotes, plain words without."""

    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0

    def matchers(self) -> tuple[Matcher, ...]:
        braces = self._take("{")
        found: list[Matcher] = []
        while not self._ends(braces=braces):
            found.append(self._one())
            if not self._take(","):
                break
        if braces and not self._take("}"):
            raise self._error("expected a comma or close brace")
        if self._peek():
            raise self._error("expected end of input" if braces else "expected a comma")
        return tuple(found)

    def _ends(self, *, braces: bool) -> bool:
        following = self._peek()
        return not following or (braces and following == "}")

    def _one(self) -> Matcher:
        name = self._word("label name")
        operator = next((each for each in _OPERATORS if self._take(each)), None)
        if operator is None:
            raise self._error("expected an operator such as '=', '!=', '=~' or '!~'")
        return _matcher(name, operator, self._word("label value"))

    def _word(self, kind: str) -> str:
        following = self._peek()
        if following == '"':
            return self._quoted()
        start = self._at
        while self._at < len(self._text) and not (
            self._text[self._at] in _RESERVED or self._text[self._at].isspace()
        ):
            self._at += 1
        if start == self._at:
            raise self._error(f"expected {kind}")
        return self._text[start : self._at]

    def _quoted(self) -> str:
        start, self._at = self._at, self._at + 1
        parts: list[str] = []
        while self._at < len(self._text):
            char = self._text[self._at]
            self._at += 1
            if char == '"':
                return "".join(parts)
            if char == "\n":
                break
            parts.append(self._escape() if char == "\\" else char)
        self._at = start
        raise self._error("the double quote is not closed")

    def _escape(self) -> str:
        kind = self._text[self._at : self._at + 1]
        self._at += 1
        if kind in _ESCAPES:
            return _ESCAPES[kind]
        if kind in HEX_LENGTHS:
            digits = self._text[self._at : self._at + HEX_LENGTHS[kind]]
            self._at += HEX_LENGTHS[kind]
            if len(digits) == HEX_LENGTHS[kind] and re.fullmatch("[0-9a-fA-F]+", digits):
                number = int(digits, 16)
                # Go refuses a byte that is no UTF-8 by itself, and surrogates.
                if number < 0x80 or (kind != "x" and number < 0x110000 and number >> 11 != 27):
                    return chr(number)
        elif kind in "01234567" and kind:
            digits = self._text[self._at - 1 : self._at + 2]
            self._at += 2
            if re.fullmatch("[01][0-7]{2}", digits):
                return chr(int(digits, 8))
        raise self._error("unknown escape in a quoted value")

    def _peek(self) -> str:
        while self._at < len(self._text) and self._text[self._at].isspace():
            self._at += 1
        return self._text[self._at : self._at + 1]

    def _take(self, token: str) -> bool:
        self._peek()
        if not self._text.startswith(token, self._at):
            return False
        self._at += len(token)
        return True

    def _error(self, reason: str) -> BadMatcherError:
        where = f"character {self._at + 1}" if self._at < len(self._text) else "end of input"
        return BadMatcherError(f"{self._text}: {where}: {reason}")


def _classic_matchers(text: str) -> tuple[Matcher, ...]:
    inner = text.removeprefix("{").removesuffix("}")
    parts: list[str] = []
    token, quoted, escaped = "", False, False
    for char in inner:
        if char == "," and not quoted:
            parts.append(token)
            token = ""
            continue
        if char == '"' and not escaped:
            quoted = not quoted
        escaped = char == "\\" and not escaped
        token += char
    if token or (parts and inner.rstrip()[-1:] != ","):
        parts.append(token)
    return tuple(_classic_matcher(part) for part in parts)


def _classic_matcher(text: str) -> Matcher:
    match = _CLASSIC.fullmatch(text)
    if match is None:
        raise BadMatcherError(f"{text}: bad matcher format")
    name, operator, raw = match.groups()
    if any("\udc80" <= char <= "\udcff" for char in raw):
        raise BadMatcherError(f"{text}: the value is not UTF-8")
    return _matcher(name, operator, _classic_value(text, raw))


def _classic_value(text: str, raw: str) -> str:
    quoted = raw.startswith('"')
    value: list[str] = []
    escaped = False
    closed = False
    for index, char in enumerate(raw):
        if quoted and index == 0:
            continue
        if escaped:
            escaped = False
            value.append({"n": "\n", '"': '"', "\\": "\\"}.get(char, "\\" + char))
        elif char == "\\":
            escaped = True
        elif char == '"':
            if not quoted or index != len(raw) - 1:
                raise BadMatcherError(f"{text}: the value has an unescaped double quote")
            closed = True
        else:
            value.append(char)
    if escaped:
        value.append("\\")
    if quoted and not closed:
        raise BadMatcherError(f"{text}: the value has an unescaped double quote")
    return "".join(value)


def matcher_text(matcher: Matcher) -> str:
    """Return a matcher as Alertmanager writes it in group keys: `a="b"`."""
    name = matcher.name
    if any(char in _RESERVED or char.isspace() for char in name):
        name = _quoted(name)
    return f"{name}{matcher.operator.value}{_quoted(matcher.value)}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
