"""Go's Sprintf.

Source: Go, package fmt.
"""

from collections.abc import Sequence

from alerting.templates.values.printing import MAX_PRINTED_CHARS, Flags, Printer
from alerting.templates.values.values import Value, text_too_long, type_name

_MAX_WIDTH = 1_000_000


def printf(layout: str, arguments: Sequence[Value], limit: int = MAX_PRINTED_CHARS) -> str:
    """Return `layout` with its verbs replaced by the arguments.

    A verb that does not fit its argument, a missing argument and a surplus one appear in
    the text: `%!d(float64=1.5)`, `%!s(MISSING)`, `%!(EXTRA string=x)`.

    Raises:
        LimitExceededError: the text is longer than the limit.
    """
    return _Layout(layout, arguments, limit).printed()


class _Layout:
    """One call of Sprintf."""

    def __init__(self, layout: str, arguments: Sequence[Value], limit: int) -> None:
        self._layout, self._arguments, self._limit = layout, arguments, limit
        self._parts: list[str] = []
        self._at = self._next = self._length = 0
        self._reordered = self._index_is_bad = False

    def printed(self) -> str:
        while True:
            percent = self._layout.find("%", self._at)
            if percent < 0:
                break
            self._write(self._layout[self._at : percent])
            self._at = percent + 1
            self._verb()
        self._write(self._layout[self._at :])
        if not self._reordered and self._next < len(self._arguments):
            surplus = [
                "<nil>" if value is None else f"{type_name(value)}={self._plain(value)}"
                for value in self._arguments[self._next :]
            ]
            self._write(f"%!(EXTRA {', '.join(surplus)})")
        return "".join(self._parts)

    def _plain(self, value: Value) -> str:
        return Printer(self._limit).value(value, "v", Flags())

    def _write(self, text: str) -> None:
        self._length += len(text)
        if self._length > self._limit:
            raise text_too_long()
        self._parts.append(text)

    def _peek(self) -> str:
        return self._layout[self._at : self._at + 1]

    def _verb(self) -> None:
        flags = self._flags()
        self._index_is_bad = False
        indexed = self._argument_index()
        if self._peek() == "*":
            flags.width = self._star("%!(BADWIDTH)")
            if flags.width is not None and flags.width < 0:
                flags.width, flags.minus, flags.zero = -flags.width, True, False
            indexed = False
        else:
            flags.width = self._number()
            # The index must stand right before the verb: "%[3]2d" is wrong.
            self._index_is_bad |= indexed and flags.width is not None
        if self._peek() == ".":
            self._at += 1
            self._index_is_bad |= indexed
            indexed = self._argument_index()
            indexed = self._precision(flags) and indexed
        if not indexed:
            self._argument_index()
        verb = self._peek()
        self._at += 1
        self._argument(verb, flags)

    def _flags(self) -> Flags:
        flags = Flags()
        while (char := self._peek()) and char in "#0+- ":
            match char:
                case "#":
                    flags.sharp = True
                case "0":
                    flags.zero = True
                case "+":
                    flags.plus = True
                case "-":
                    flags.minus = True
                case " ":
                    flags.space = True
            self._at += 1
        return flags

    def _precision(self, flags: Flags) -> bool:
        """Read the precision after the point; return False if it was an argument."""
        if self._peek() != "*":
            flags.precision = self._number() or 0
            return True
        precision = self._star("")
        if precision is None or precision < 0:
            self._write("%!(BADPREC)")
            precision = None
        flags.precision = precision
        return False

    def _number(self) -> int | None:
        begin = self._at
        while "0" <= self._peek() <= "9":
            self._at += 1
            if int(self._layout[begin : self._at]) > _MAX_WIDTH:
                # Go gives up reading the layout.
                self._at = len(self._layout)
                return None
        return int(self._layout[begin : self._at]) if self._at > begin else None

    def _star(self, complaint: str) -> int | None:
        """Take the next argument as width or precision."""
        self._at += 1
        value = self._arguments[self._next] if self._next < len(self._arguments) else None
        self._next += self._next < len(self._arguments)
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _MAX_WIDTH:
            return int(value)
        self._write(complaint)
        return None

    def _argument_index(self) -> bool:
        """Read `[3]`, the number of the next argument; return whether it is there."""
        if self._peek() != "[":
            return False
        self._reordered = True
        end = self._layout.find("]", self._at)
        if end < 0 or len(self._layout) - self._at < len("[n]"):
            self._at += 1
            self._index_is_bad = True
            return False
        digits = self._layout[self._at + 1 : end]
        self._at = end + 1
        is_number = digits.isascii() and digits.isdecimal() and len(digits) <= len(str(_MAX_WIDTH))
        if not is_number or not 0 < int(digits) <= len(self._arguments):
            self._index_is_bad = True
            return is_number
        self._next = int(digits) - 1
        return True

    def _argument(self, verb: str, flags: Flags) -> None:
        if not verb:
            self._write("%!(NOVERB)")
        elif verb == "%":
            self._write("%")
        elif self._index_is_bad:
            self._write(f"%!{verb}(BADINDEX)")
        elif self._next >= len(self._arguments):
            self._write(f"%!{verb}(MISSING)")
        else:
            if verb == "v":
                flags.syntax, flags.sharp = flags.sharp, False
                flags.names, flags.plus = flags.plus, False
            value = self._arguments[self._next]
            self._next += 1
            self._write(Printer(self._limit - self._length).value(value, verb, flags))
