"""The constant text of a body between its changing values, compared in one step.

Most of a thousand lines stay the same for hours. Comparing them one by one creates a
thousand objects and reads a thousand others all over the memory; with a skeleton the
cost is two calls for each line that changes.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from model.series import Values, absent_vector
from scraper.exposition.interning import BytesInterner
from scraper.exposition.lines import split_lines

# A line feed ends a line, so a line that contains one equals no line of any body.
_NO_VALUE = b"\n"
# 32: no number is longer, so a value grows by at most this many bytes.
_MAX_GROWTH = 32
# The first bodies are cut again and again, into pieces that more and more targets share.
# From here on cuts are rare, and four of five interned strings are no longer in use.
_SETTLED_USES = (16, 256)


class BodySkeleton:
    """A body cut into pieces, each of which ends where the value of a variable line begins.

    Only the last piece ends at the end of the body. At first no line is variable; a line
    becomes variable when its value changes.

    Attributes:
        variable: shape (N,), ascending indices of the variable lines.
        values: shape (N,), their last values; ABSENT before the first.
        uses: number of bodies parsed with it.
    """

    __slots__ = ("_interner", "_pieces", "uses", "values", "variable")

    def __init__(self, body: bytes, interner: BytesInterner | None = None) -> None:
        self._pieces = [body]
        self._interner = BytesInterner() if interner is None else interner
        self.variable: NDArray[np.intp] = np.empty(0, np.intp)
        self.values: Values = np.empty(0)
        self.uses = 0

    def value_tokens(self, body: bytes, value_at: Sequence[int]) -> list[bytes] | None:
        """Return the values of the variable lines as text, None if other text differs.

        Lines whose values differ for the first time become variable.

        Args:
            body: the new body.
            value_at: for each line the offset of its value, 0 if the line must not
                change.
        """
        tokens: list[bytes] = []
        end = 0
        begins, find, add = body.startswith, body.find, tokens.append
        while True:
            for piece in self._pieces[len(tokens) : -1]:
                if not begins(piece, end):
                    break
                at = end + len(piece)
                end = find(b"\n", at)
                if end < 0:
                    end = len(body)
                add(body[at:end])
            else:
                rest = self._pieces[-1]
                if begins(rest, end) and end + len(rest) == len(body):
                    return tokens
            if not self._cut_piece(len(tokens), body, end, value_at):
                return None

    def _cut_piece(self, number: int, body: bytes, at: int, value_at: Sequence[int]) -> bool:
        """Cut a piece at each value that differs from the body; its line becomes variable.

        Args:
            number: the piece.
            body: the new body.
            at: offset in the body at which the piece should begin.
            value_at: see `value_tokens`.

        Returns:
            False if other text differs.
        """
        piece = self._pieces[number]
        old = split_lines(piece)
        first = int(self.variable[number - 1]) if number else 0
        if number == len(self._pieces) - 1:
            new = split_lines(body[at:])
            whole = len(old)
        else:
            # The piece ends within a line that continues in the body.
            whole = len(old) - 1
            window = body[at : at + len(piece) + _MAX_GROWTH * len(old)]
            new = window.split(b"\n", whole)
            if not new[-1].startswith(old[-1]):
                return False
        if len(new) != len(old):
            return False
        cuts = []
        for index in range(whole):
            if old[index] != new[index]:
                offset = value_at[first + index]
                if not offset or not new[index].startswith(old[index][:offset]):
                    return False
                cuts.append((index, offset))
        self._pieces[number : number + 1] = self._interner.intern(_cut(old, cuts))
        lines = [first + index for index, _ in cuts]
        self.variable = np.insert(self.variable, number, lines)
        self.values = np.insert(self.values, number, absent_vector(len(cuts)))
        return bool(cuts)

    def update(self, values: Values) -> NDArray[np.intp]:
        """Store the values of the variable lines; return the positions that changed."""
        changed = np.flatnonzero(values.view(np.uint64) != self.values.view(np.uint64))
        self.values = values
        self.uses += 1
        if self.uses in _SETTLED_USES:
            self._interner.tidy()
        return changed

    def lines(self) -> list[bytes]:
        """Return the body's lines; variable lines are altered so that they equal no line."""
        lines = split_lines(self._pieces[0])
        for piece in self._pieces[1:]:
            lines[-1] += _NO_VALUE
            lines += split_lines(piece)[1:]
        return lines


def _cut(lines: Sequence[bytes], cuts: Iterable[tuple[int, int]]) -> list[bytes]:
    """Return the text of `lines` in pieces, without the values.

    Args:
        lines: the lines of one piece.
        cuts: line index and offset of each value to remove.
    """
    pieces: list[bytes] = []
    begin = b""
    start = 0
    for index, offset in cuts:
        pieces.append(begin + b"\n".join([*lines[start:index], lines[index][:offset]]))
        start, begin = index + 1, b"\n"
    rest = lines[start:]
    pieces.append(begin + b"\n".join(rest) if rest else b"")
    return pieces
