"""A body cut at the values that change; what is between them is compared in one go.

Of a thousand lines most stay as they are for hours. Comparing each means making a
thousand objects and looking at a thousand others all over the memory; with a template
it is two calls for each line that does change.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from model.series import ABSENT_BITS, Values
from scraper.exposition.exposition import split_lines
from scraper.exposition.pieces import PiecePool

_NO_VALUE = b"\n"
"""Ends no line, so that a line with it equals none."""
_MAX_GROWTH = 32
"""A value takes at most so many bytes more than its predecessor; no number takes more."""


class Template:
    """A body in pieces: each but the last ends where a value begins that may change.

    The lines of these values are *loose*. At first no line is; one becomes loose when
    its value changes.

    Attributes:
        loose: shape (N,), the loose lines, ascending.
        values: shape (N,), what they were last; ABSENT before the first time.
        uses: how many bodies were read by it.
    """

    __slots__ = ("_pieces", "_pool", "loose", "uses", "values")

    def __init__(self, body: bytes, pool: PiecePool | None = None) -> None:
        self._pieces = [body]
        self._pool = PiecePool() if pool is None else pool
        self.loose: NDArray[np.intp] = np.empty(0, np.intp)
        self.values: Values = np.empty(0)
        self.uses = 0

    def tokens(self, body: bytes, value_at: Sequence[int]) -> list[bytes] | None:
        """Return what stands in `body` from where loose lines' values begin.

        Lines whose values changed for the first time become loose; `value_at` tells for
        each line where its value begins, 0 where it has none that may just change.

        Returns:
            None if the body differs in more than values.
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
            if not self._loosen(len(tokens), body, end, value_at):
                return None

    def _loosen(self, number: int, body: bytes, at: int, value_at: Sequence[int]) -> bool:
        """Cut a piece at the lines that differ from the body's at `at`; False if that fails."""
        piece = self._pieces[number]
        old = split_lines(piece)
        first = int(self.loose[number - 1]) if number else 0
        if number == len(self._pieces) - 1:
            new = split_lines(body[at:])
            whole = len(old)
        else:
            # The piece ends within a line, of which there is more in the body.
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
        self._pieces[number : number + 1] = self._pool.shared(_cut(old, cuts))
        lines = [first + index for index, _ in cuts]
        self.loose = np.insert(self.loose, number, lines)
        absent = np.full(len(cuts), ABSENT_BITS, np.uint64).view(np.float64)
        self.values = np.insert(self.values, number, absent)
        return bool(cuts)

    def changes(self, values: Values) -> NDArray[np.intp]:
        """Take the loose lines' values; return the places of those that changed."""
        changed = np.flatnonzero(values.view(np.uint64) != self.values.view(np.uint64))
        self.values = values
        self.uses += 1
        return changed

    def lines(self) -> list[bytes]:
        """Return the body's lines; the loose ones are equal to no line of any body."""
        lines = split_lines(self._pieces[0])
        for piece in self._pieces[1:]:
            lines[-1] += _NO_VALUE
            lines += split_lines(piece)[1:]
        return lines


def _cut(lines: Sequence[bytes], cuts: Iterable[tuple[int, int]]) -> list[bytes]:
    """Return `lines` in pieces, without what stands in a line from an offset on."""
    pieces: list[bytes] = []
    begin = b""
    start = 0
    for index, offset in cuts:
        pieces.append(begin + b"\n".join([*lines[start:index], lines[index][:offset]]))
        start, begin = index + 1, b"\n"
    # Without a line that follows, none is to be begun.
    rest = lines[start:]
    pieces.append(begin + b"\n".join(rest) if rest else b"")
    return pieces
