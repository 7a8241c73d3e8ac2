"""Prints values as Go's package fmt does: Sprint, Sprintln and the verbs of Sprintf.

Source: Go, package fmt.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from alerting.templates.language.literals import can_backquote, go_quote, is_printable
from alerting.templates.values.floats import format_float, format_verb
from alerting.templates.values.times import TimeValue
from alerting.templates.values.values import (
    ANY,
    Byte,
    FunctionError,
    GoValue,
    SliceValue,
    Value,
    entries_of,
    is_map,
    pointed,
    string_bytes,
    text_too_long,
    type_name,
)

NO_VALUE = "<no value>"
"""What an action writes for a missing value."""

MAX_PRINTED_CHARS = 1 << 20
"""The length of a text if the caller gives no other limit."""

_MAX_NESTING = 40
_SECONDS_TO_1970 = 62_135_596_800
_NIL = "<nil>"
# Go prints where a value lies in memory. Here it lies nowhere.
_POINTER = "0xc000000000"
_BASES = {"v": 10, "d": 10, "b": 2, "o": 8, "O": 8, "x": 16, "X": 16}
_PREFIXES = {"b": "0b", "x": "0x", "X": "0X"}
_TEXT_VERBS = "vsxXq"


@dataclass(slots=True)
class Flags:
    """The flags, width and precision of one verb.

    Attributes:
        names: %+v: structs with the names of their fields.
        syntax: %#v: as Go's syntax.
    """

    plus: bool = False
    minus: bool = False
    sharp: bool = False
    space: bool = False
    zero: bool = False
    width: int | None = None
    precision: int | None = None
    names: bool = False
    syntax: bool = False


def print_value(value: Value, limit: int = MAX_PRINTED_CHARS) -> str:
    """Return a value as an action writes it."""
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return format_float(value)
    if value is None:
        return NO_VALUE
    return _plain(pointed(value), limit)


def sprint(values: Sequence[Value], limit: int = MAX_PRINTED_CHARS) -> str:
    """Return values one after the other, with a space between two that are no strings."""
    parts = []
    for position, value in enumerate(values):
        if position and not isinstance(value, str) and not isinstance(values[position - 1], str):
            parts.append(" ")
        parts.append(_plain(value, limit))
        limit -= len(parts[-1])
    return "".join(parts)


def sprintln(values: Sequence[Value], limit: int = MAX_PRINTED_CHARS) -> str:
    """Return values with spaces between them and a line feed at the end."""
    parts = []
    for value in values:
        parts.append(_plain(value, limit))
        limit -= len(parts[-1])
    return " ".join(parts) + "\n"


def _plain(value: Value, limit: int) -> str:
    return Printer(limit).value(value, "v", Flags())


class Printer:
    """Prints values with a verb and its flags."""

    def __init__(self, limit: int = MAX_PRINTED_CHARS) -> None:
        self._left = limit
        self._depth = 0
        self._bad = False

    def value(self, value: Value, verb: str, flags: Flags) -> str:
        """Return one value.

        Raises:
            LimitExceededError: the text is too long.
            FunctionError: lists are nested too deeply.
        """
        if verb == "T":
            return self._padded(type_name(value)[: flags.precision], flags)
        text = self._by_method(value, verb, flags)
        if text is None:
            text = self._by_type(value, verb, flags)
        return self._counted(text)

    def _counted(self, text: str) -> str:
        self._left -= len(text)
        if self._left < 0:
            raise text_too_long()
        return text

    def _by_method(self, value: Value, verb: str, flags: Flags) -> str | None:
        """Return the text of a value that has a method String, or GoString for %#v."""
        if not isinstance(value, GoValue) or self._bad:
            return None
        if flags.syntax:
            return _go_time(value) if isinstance(value, TimeValue) else None
        if "String" in value.methods and verb in _TEXT_VERBS:
            return self._text(str(value), verb, flags)
        return None

    def _by_type(self, value: Value, verb: str, flags: Flags) -> str:
        if value is None:
            return self._nil(verb, flags)
        if isinstance(value, bool):
            text = "true" if value else "false"
            return self._padded(text, flags) if verb in "tv" else self._wrong(value, verb, flags)
        if isinstance(value, float):
            return self._float(value, verb, flags)
        if isinstance(value, int):
            return self._int(value, verb, flags)
        if isinstance(value, str):
            return self._text(value, verb, flags)
        if isinstance(value, complex):
            return self._complex(value, verb, flags)
        return self._nested(value, verb, flags)

    def _wrong(self, value: Value, verb: str, flags: Flags) -> str:
        """Return the text of a verb that does not fit its value: `%!d(string=x)`."""
        outer, self._bad = self._bad, True
        text = self._by_type(value, "v", flags)
        self._bad = outer
        return f"%!{verb}({type_name(value)}={text})"

    def _nil(self, verb: str, flags: Flags) -> str:
        if verb != "v":
            return f"%!{verb}({_NIL})"
        if self._depth:
            return f"{ANY}(nil)" if flags.syntax else _NIL
        return self._padded(_NIL, flags)

    def _padded(self, text: str, flags: Flags, *, zeros: bool = True) -> str:
        if flags.width is None:
            return text
        if flags.width > self._left:
            raise text_too_long()
        if flags.minus:
            return text.ljust(flags.width)
        return text.rjust(flags.width, "0" if flags.zero and zeros else " ")

    # Containers

    def _nested(self, value: Value, verb: str, flags: Flags) -> str:
        if verb == "p":
            return _POINTER
        if type_name(value).startswith("*") and self._depth:
            return self._pointer(value, verb, flags)
        self._depth += 1
        if self._depth > _MAX_NESTING:
            raise FunctionError("lists are nested too deeply to print")
        text = self._container(value, verb, flags)
        self._depth -= 1
        return text

    def _pointer(self, value: Value, verb: str, flags: Flags) -> str:
        """Return a pointer inside a container; Go writes where it points to."""
        if verb in "vbodxX":
            return _POINTER
        outer, self._depth = self._depth, 0
        text = self._wrong(value, verb, flags)
        self._depth = outer
        return text

    def _container(self, value: Value, verb: str, flags: Flags) -> str:
        name = type_name(value).lstrip("*") if flags.syntax else ""
        separator = ", " if flags.syntax else " "
        if is_map(value):
            pairs = [
                f"{self.value(key, verb, flags)}:{self.value(item, verb, flags)}"
                for key, item in entries_of(value).items()
            ]
            inner = separator.join(pairs)
            return f"{name}{{{inner}}}" if flags.syntax else f"map[{inner}]"
        if isinstance(value, SliceValue):
            inner = separator.join(self._items(value, verb, flags))
            return f"{name}{{{inner}}}" if flags.syntax else f"[{inner}]"
        if isinstance(value, TimeValue):
            return self._time(value, verb, flags)
        pointer = "&" if value.go_type.startswith("*") else ""
        named = flags.syntax or flags.names
        texts = [
            f"{field}:{self.value(item, verb, flags)}" if named else self.value(item, verb, flags)
            for field, item in value.fields.items()
        ]
        return f"{pointer}{name}{{{separator.join(texts)}}}"

    def _time(self, value: TimeValue, verb: str, flags: Flags) -> str:
        """Return the fields of Go's struct: nanoseconds, seconds since the year 1, a zone."""
        seconds = value.unix_ns // 1_000_000_000 + _SECONDS_TO_1970
        parts = [self.value(number, verb, flags) for number in (value.nanosecond, seconds)]
        parts.append(self.value(0, verb, flags) if verb in "bodxX" else _NIL)
        pointer = "&" if value.go_type.startswith("*") else ""
        return f"{pointer}{{{' '.join(parts)}}}"

    def _items(self, value: SliceValue, verb: str, flags: Flags) -> Iterable[str]:
        return [self.value(item, verb, flags) for item in value.items]

    # Numbers

    def _float(self, value: float, verb: str, flags: Flags) -> str:
        if verb not in "vbgGxXfFeE":
            return self._wrong(value, verb, flags)
        kind = {"v": "g", "F": "f"}.get(verb, verb)
        if (flags.precision or 0) > self._left:
            raise text_too_long()
        text = format_verb(value, kind, flags.precision)
        sign, digits = ("+", text) if text[0] not in "+-" else (text[0], text[1:])
        if not math.isfinite(value):
            shown = flags.plus or flags.space or not math.isnan(value)
            sign = " " if flags.space and sign == "+" and not flags.plus else sign
            return self._padded(sign + digits if shown else digits, flags, zeros=False)
        if flags.sharp and kind != "b":
            digits = _with_point(digits, kind, flags.precision)
        sign = " " if flags.space and sign == "+" and not flags.plus else sign
        if sign == "+" and not flags.plus:
            return self._padded(digits, flags)
        if flags.zero and not flags.minus and flags.width is not None:
            return sign + self._counted(digits.rjust(min(flags.width, self._left) - 1, "0"))
        return self._padded(sign + digits, flags)

    def _complex(self, value: complex, verb: str, flags: Flags) -> str:
        if verb not in "vbgGxXfFeE":
            return self._wrong(value, verb, flags)
        plus, real = flags.plus, self._float(value.real, verb, flags)
        flags.plus = True
        imaginary = self._float(value.imag, verb, flags)
        flags.plus = plus
        return f"({real}{imaginary}i)"

    def _int(self, value: int, verb: str, flags: Flags) -> str:
        if verb == "c":
            return self._padded(_rune(value), flags)
        if verb == "q":
            return self._padded(go_quote(_rune(value), "'", ascii_only=flags.plus), flags)
        if verb == "U":
            char = _rune(value)
            shown = f" '{char}'" if flags.sharp and is_printable(char) else ""
            width = max(flags.precision or 0, 4)
            return self._padded(f"U+{value % 2**64:0{width}X}{shown}", flags, zeros=False)
        if verb not in _BASES:
            return self._wrong(value, verb, flags)
        if flags.syntax and isinstance(value, Byte):
            return self._padded(f"0x{value:x}", flags, zeros=False)
        return self._integer(value, verb, flags)

    def _integer(self, value: int, verb: str, flags: Flags) -> str:
        base = _BASES[verb]
        digits = format(abs(value), {2: "b", 8: "o", 10: "d", 16: "x"}[base])
        digits = digits.upper() if verb == "X" else digits
        if max(flags.precision or 0, flags.width or 0) > self._left:
            raise text_too_long()
        least = 0
        if flags.precision is not None:
            if flags.precision == 0 and value == 0:
                return " " * (flags.width or 0)
            least = flags.precision
        elif flags.zero and not flags.minus and flags.width is not None:
            least = flags.width - (value < 0 or flags.plus or flags.space)
        digits = digits.rjust(least, "0")
        if flags.sharp and verb in _PREFIXES:
            digits = _PREFIXES[verb] + digits
        elif flags.sharp and base == 8 and digits[0] != "0":
            digits = "0" + digits
        digits = "0o" + digits if verb == "O" else digits
        sign = "-" if value < 0 else "+" if flags.plus else " " if flags.space else ""
        return self._padded(sign + digits, flags, zeros=False)

    # Text

    def _text(self, text: str, verb: str, flags: Flags) -> str:
        if verb in ("x", "X"):
            return self._hex(text, verb, flags)
        if verb not in _TEXT_VERBS:
            return self._wrong(text, verb, flags)
        cut = text if flags.precision is None else text[: flags.precision]
        if verb == "q" or (verb == "v" and flags.syntax):
            if flags.sharp and can_backquote(cut):
                return self._padded(f"`{cut}`", flags)
            return self._padded(go_quote(cut, ascii_only=flags.plus), flags)
        return self._padded(cut, flags)

    def _hex(self, text: str, verb: str, flags: Flags) -> str:
        data = string_bytes(text)[: flags.precision]
        digits = data.hex(" ") if flags.space else data.hex()
        if flags.sharp and data:
            digits = "0x" + (digits.replace(" ", " 0x"))
        return self._padded(digits.upper() if verb == "X" else digits, flags)


def _rune(code: int) -> str:
    """Return the character of a code, U+FFFD if there is none."""
    return chr(code) if 0 <= code <= 0x10FFFF and not 0xD800 <= code < 0xE000 else "\ufffd"


def _with_point(digits: str, kind: str, precision: int | None) -> str:
    """Return a number with the point, and for %#g with the zeros, that `#` keeps."""
    mantissa, mark, exponent = digits, "", ""
    for sign in "pP" if kind in "xX" else "eE":
        if sign in digits:
            mantissa, mark, exponent = digits.partition(sign)
    wanted = (6 if precision is None else precision) if kind in "gGx" else 0
    significant = mantissa.replace(".", "").lstrip("0")
    wanted -= len(significant)
    if "." not in mantissa:
        wanted -= mantissa == "0"
        mantissa += "."
    return mantissa + "0" * max(wanted, 0) + mark + exponent


def _go_time(time: TimeValue) -> str:
    moment = time.moment
    zone = "time.UTC" if moment.tzname() == "UTC" else f'time.Location("{moment.tzname()}")'
    return (
        f"time.Date({moment.year}, time.{moment:%B}, {moment.day}, {moment.hour}, "
        f"{moment.minute}, {moment.second}, {time.nanosecond}, {zone})"
    )
