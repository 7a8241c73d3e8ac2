"""Go's literals: quoted strings, characters and numbers.

Source: Go, package strconv; the Go specification, "Integer literals", "String literals".
"""

import re
from dataclasses import dataclass

ESCAPES = {
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    "\\": "\\",
}
"""What a letter after a backslash stands for in quoted text."""
_QUOTED = {char: "\\" + letter for letter, char in ESCAPES.items()}
_LAST_INT, _LAST_UINT = 2**63 - 1, 2**64 - 1
_LAST_RUNE = 0x10FFFF
_FIRST_WIDE_RUNE = 0x10000
_LATIN = 0x80
_HEX_DIGITS = frozenset("0123456789abcdefABCDEF")
HEX_LENGTHS = {"x": 2, "u": 4, "U": 8}
"""How many hexadecimal digits follow a letter after a backslash."""
_FLOAT = re.compile(
    r"""[+-]?(?:
        0[xX][0-9a-fA-F]*\.?[0-9a-fA-F]*[pP][+-]?[0-9]+
      | (?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?
      | (?i:inf(?:inity)?|nan)
    )""",
    re.VERBOSE | re.ASCII,
)
_UNDERSCORES = re.compile(r"[+-]?(?:0[xXoObB])?_?[0-9a-fA-F.]+(?:_[0-9a-fA-F.]+)*(?:[eEpP].*)?")


class LiteralError(ValueError):
    """A literal is not valid Go; the message is Go's."""


def rune_name(char: str) -> str:
    """Return a character as Go's %#U: `U+0023 '#'`."""
    if not char:
        return "U+FFFFFFFFFFFFFFFF"
    name = f"U+{ord(char):04X}"
    return f"{name} '{char}'" if is_printable(char) else name


def is_printable(char: str) -> bool:
    """Whether Go prints a character as it is; of the spaces only the plain one is."""
    return char == " " or (char.isprintable() and not char.isspace())


def go_quote(text: str, quote: str = '"', *, ascii_only: bool = False) -> str:
    """Return text in quotes, as Go's %q writes it."""
    parts = []
    for char in text:
        code = ord(char)
        if char == quote:
            parts.append("\\" + char)
        elif char in _QUOTED:
            parts.append(_QUOTED[char])
        elif is_printable(char) and (code < _LATIN or not ascii_only):
            parts.append(char)
        elif 0xDC80 <= code <= 0xDCFF:
            # A byte that is not UTF-8.
            parts.append(f"\\x{code - 0xDC00:02x}")
        elif code < _LATIN:
            parts.append(f"\\x{code:02x}")
        else:
            parts.append(f"\\u{code:04x}" if code < _FIRST_WIDE_RUNE else f"\\U{code:08x}")
    return quote + "".join(parts) + quote


def can_backquote(text: str) -> bool:
    """Whether text can stand between back quotes."""
    return all(
        char != "`" and (char == "\t" or (char >= " " and char != "\x7f")) and char != "\ufeff"
        for char in text
    )


def unquote(literal: str) -> str:
    """Return the value of a string literal, quoted or raw.

    Raises:
        LiteralError: it is malformed.
    """
    if literal[0] == "`":
        return literal[1:-1].replace("\r", "")
    value, at = [], 1
    while at < len(literal) - 1:
        char, at = _unquoted_char(literal, at, '"')
        value.append(char)
    return _joined(value)


def unquote_char(literal: str) -> int:
    """Return the code of a character literal.

    Raises:
        LiteralError: it is malformed or holds several characters.
    """
    if literal == "''":
        raise LiteralError("invalid syntax")
    char, at = _unquoted_char(literal, 1, "'")
    if literal[at:] != "'":
        raise LiteralError(f"malformed character constant: {literal}")
    return char[0] if isinstance(char, bytes) else ord(char)


def _joined(parts: list[str | bytes]) -> str:
    """Join characters and bytes; bytes that are not UTF-8 become surrogates."""
    if all(isinstance(part, str) for part in parts):
        return "".join(map(str, parts))
    encoded = (
        part if isinstance(part, bytes) else part.encode(errors="surrogateescape") for part in parts
    )
    return b"".join(encoded).decode(errors="surrogateescape")


def _unquoted_char(literal: str, at: int, quote: str) -> tuple[str | bytes, int]:
    """Return one character or byte, and the index after it."""
    char = literal[at]
    if char != "\\":
        if char == quote:
            raise LiteralError("invalid syntax")
        return char, at + 1
    escape, at = literal[at + 1], at + 2
    if escape in ESCAPES:
        return ESCAPES[escape], at
    if escape == quote:
        return quote, at
    if escape in HEX_LENGTHS:
        end = at + HEX_LENGTHS[escape]
        digits = literal[at:end]
        if len(digits) < end - at or not set(digits) <= _HEX_DIGITS:
            raise LiteralError("invalid syntax")
        code = int(digits, 16)
        if escape == "x":
            return bytes([code]), end
        if code > _LAST_RUNE or 0xD800 <= code < 0xE000:
            raise LiteralError("invalid syntax")
        return chr(code), end
    if re.fullmatch("[0-3][0-7]{2}", escape + literal[at : at + 2]):
        return bytes([int(escape + literal[at : at + 2], 8)]), at + 2
    raise LiteralError("invalid syntax")


@dataclass(frozen=True, slots=True)
class Number:
    """A number literal: its value in each type that can hold it, else None."""

    integer: int | None = None
    unsigned: int | None = None
    floating: float | None = None
    complex_value: complex | None = None


def parse_character(text: str) -> Number:
    """Return the code of a character literal, as a number of each type.

    Raises:
        LiteralError: it is malformed.
    """
    code = unquote_char(text)
    return Number(code, code, float(code))


def parse_number(text: str) -> Number:
    """Return the values of a number literal.

    Raises:
        LiteralError: it is malformed or too large.
    """
    if text.endswith("i"):
        return _parse_complex(text)
    whole = _parse_integer(text)
    if whole is not None:
        integer = whole if -_LAST_INT - 1 <= whole <= _LAST_INT else None
        unsigned = whole if 0 <= whole <= _LAST_UINT and text[0] not in "+-" else None
        unsigned = 0 if whole == 0 else unsigned
        if integer is not None or unsigned is not None:
            return Number(integer, unsigned, float(whole))
    try:
        value = parse_float(text)
    except LiteralError as exc:
        raise LiteralError(f"illegal number syntax: {go_quote(text)}") from exc
    if not set(text) & set(".eEpP"):
        raise LiteralError(f"integer overflow: {go_quote(text)}")
    return _of_float(value)


def _of_float(value: float, complex_value: complex | None = None) -> Number:
    integer = int(value) if value.is_integer() and abs(value) < 2.0**63 else None
    unsigned = int(value) if value.is_integer() and 0 <= value < 2.0**64 else None
    return Number(integer, unsigned, value, complex_value)


def _parse_complex(text: str) -> Number:
    match = re.fullmatch(r"([+-]?[^+-]+(?:[eEpP][+-]\w+)?)??([+-]?[^+-]+(?:[eEpP][+-]\w+)?)i", text)
    real, imaginary = (match[1], match[2]) if match is not None else ("", "")
    try:
        value = complex(parse_float(real) if real else 0.0, parse_float(imaginary))
    except LiteralError as exc:
        raise LiteralError(f"illegal number syntax: {go_quote(text)}") from exc
    return Number(complex_value=value) if value.imag else _of_float(value.real, value)


def _parse_integer(text: str) -> int | None:
    """Return the value of an integer literal in base 2, 8, 10 or 16."""
    if "_" in text and not _UNDERSCORES.fullmatch(text):
        return None
    plain = text.replace("_", "")
    digits = plain.lstrip("+-")
    base = {"0x": 16, "0o": 8, "0b": 2}.get(digits[:2].lower())
    if base is None and digits[:1] == "0" and len(digits) > 1:
        base = 8
    try:
        return int(plain, base or 10)
    except ValueError:
        return None


def parse_float(text: str) -> float:
    """Return the value of a number in Go's syntax, which strconv.ParseFloat reads.

    Raises:
        LiteralError: it is malformed or too large; the message is `invalid syntax` or
            `value out of range`.
    """
    plain = text
    if "_" in text:
        # Underscores are valid in hexadecimal numbers and in literals only.
        if not _UNDERSCORES.fullmatch(text):
            raise LiteralError("invalid syntax")
        plain = text.replace("_", "")
    if not _FLOAT.fullmatch(plain):
        raise LiteralError("invalid syntax")
    try:
        value = float.fromhex(plain) if "x" in plain.lower() else float(plain)
    except OverflowError as exc:
        raise LiteralError("value out of range") from exc
    except ValueError as exc:
        raise LiteralError("invalid syntax") from exc
    if value in (float("inf"), float("-inf")) and "i" not in plain.lower():
        raise LiteralError("value out of range")
    return value
