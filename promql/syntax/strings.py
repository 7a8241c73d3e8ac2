"""String literals: their escapes, errors and values, as in Go."""

import re

_ESCAPE = re.compile(
    r"\\(?:[abfnrtv\\]|(?P<quote>['\"])|(?P<octal>[0-7]{3})|x(?P<hex>[0-9a-fA-F]{2})"
    r"|u(?P<short>[0-9a-fA-F]{4})|U(?P<long>[0-9a-fA-F]{8}))",
)
_NEEDED = {"x": 2, "u": 4, "U": 8}


def bad_escape(quoted: str) -> str | None:
    """Return the error of the first invalid escape in a quoted string, None without one."""
    if quoted[0] == "`" or "\\" not in quoted:
        return None
    at = quoted.find("\\")
    while at >= 0:
        match = _ESCAPE.match(quoted, at)
        if match is None or (match["quote"] or quoted[0]) != quoted[0]:
            return _explain_escape(quoted, at)
        point = int(match["octal"] or "0", 8)
        wide = int(match["short"] or match["long"] or "0", 16)
        if point > 0xFF or wide > 0x10FFFF or 0xD800 <= wide < 0xE000:
            return "escape sequence is an invalid Unicode code point"
        at = quoted.find("\\", match.end())
    return None


def _explain_escape(quoted: str, at: int) -> str:
    letter = quoted[at + 1 : at + 2]
    if not letter:
        return "escape sequence not terminated"
    if letter in _NEEDED or letter in "01234567":
        digits = "01234567" if letter in "01234567" else "0123456789abcdefABCDEF"
        first = at + 1 if letter in "01234567" else at + 2
        for char in quoted[first : first + _NEEDED.get(letter, 3)]:
            if char not in digits:
                return f"illegal character {_code_point(char)} in escape sequence"
        return "escape sequence not terminated"
    return f"unknown escape sequence {_code_point(letter)}"


def _code_point(char: str) -> str:
    """Format a character as Go's `%#U`: `U+0041 'A'`."""
    shown = f" '{char}'" if char.isprintable() else ""
    return f"U+{ord(char):04X}{shown}"


def unterminated(text: str) -> str:
    """Return the error of a string literal without its closing quote."""
    if text[0] == "`":
        return "unterminated raw string"
    return bad_escape(text) or "unterminated quoted string"


def is_utf8(text: str) -> bool:
    """Return whether a string has no bytes that are not UTF-8, which are surrogates here."""
    return not any("\ud800" <= char <= "\udfff" for char in text)


def replaced(text: str) -> str:
    """Return a string with U+FFFD for each byte that is not UTF-8."""
    if is_utf8(text):
        return text
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


_SIMPLE = {
    "a": 7, "b": 8, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11, "\\": 92, "'": 39, '"': 34,
}  # fmt: skip


def unquote(quoted: str) -> str:
    r"""Return the value of a string token.

    `\xhh` and `\ooo` are bytes, as in Go. Bytes that are not UTF-8 become surrogates (PEP 383),
    so that different bytes stay different.
    """
    inner = quoted[1:-1]
    if quoted[0] == "`" or "\\" not in inner:
        return inner
    out = bytearray()
    at = 0
    while True:
        escape = inner.find("\\", at)
        if escape < 0:
            out += inner[at:].encode("utf-8", "surrogatepass")
            return out.decode("utf-8", "surrogateescape")
        out += inner[at:escape].encode("utf-8", "surrogatepass")
        match = _ESCAPE.match(inner, escape)
        if match is None:  # the lexer refused it
            raise ValueError(quoted)
        if match["octal"]:
            out.append(int(match["octal"], 8))
        elif match["hex"]:
            out.append(int(match["hex"], 16))
        elif match["short"] or match["long"]:
            out += chr(int(match["short"] or match["long"], 16)).encode()
        else:
            out.append(_SIMPLE[inner[escape + 1]])
        at = match.end()
