"""The changes of the vectors of an open chunk, most of them in a narrow form.

The newest vectors lie here as the bytes that the journal stores. Once these take
`_FOLD_BYTES`, they are folded: joined into one block whose values take half the memory
(`short_decimals`). With 400 targets a second, this takes 3 us a vector and saves a third
of the memory of the heads.

One thread adds. Any thread may read at the same time: blocks never change, and adding
replaces `_state` as one object.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from storage.samples.head.short_decimals import Bits, pack, unpack

FLOAT: Final = np.dtype("<f8")

Places = NDArray[np.unsignedinteger[Any]]
"""Column numbers, as uint16 or uint32."""

# Folding costs 30 us whatever its size, and this many values take as long again.
_FOLD_BYTES: Final = 16 * 2**10
# What Python adds to the changes of one vector: two bytes objects, a tuple, two list slots.
_VECTOR_OVERHEAD_BYTES: Final = 130
# What Python and numpy add to a block: five objects.
_BLOCK_OVERHEAD_BYTES: Final = 300


@dataclass(frozen=True, slots=True, eq=False)
class FoldedVectors:
    """The folded changes of consecutive vectors.

    Attributes:
        vectors: how many vectors.
        counts: for each vector the number of changes (uint32).
        columns: the changed columns of all vectors.
        words: for each column a word of `short_decimals`.
        wide: the values that no word holds.
    """

    vectors: int
    counts: bytes
    columns: bytes
    words: bytes
    wide: bytes

    @property
    def size_bytes(self) -> int:
        """Memory held, approximately."""
        arrays = len(self.counts) + len(self.columns) + len(self.words) + len(self.wide)
        return arrays + _BLOCK_OVERHEAD_BYTES


Change = tuple[bytes, bytes]
"""The changed columns of a vector, and their values (float64)."""


@dataclass(frozen=True, slots=True, eq=False)
class _State:
    """Blocks, and the changes of the vectors after them; only the list `newest` grows."""

    blocks: tuple[FoldedVectors, ...]
    newest: list[Change]


@dataclass(frozen=True, slots=True, eq=False)
class JoinedChanges:
    """The changes of some vectors, one after the other.

    Attributes:
        columns: the changed columns.
        ends: for each vector the number of changes up to its end.
    """

    columns: Places
    ends: NDArray[np.intp]
    _words: NDArray[np.int32]
    _wide: Bits
    _plain: Bits

    def bits(self) -> Bits:
        """Return the bits of the new value of each column in `columns`."""
        if not len(self._words):
            return self._plain
        return np.concatenate([unpack(self._words, self._wide), self._plain])

    def bits_at(self, places: NDArray[np.intp]) -> Bits:
        """Return the bits of the values at ascending places."""
        packed = len(self._words)
        if not packed:
            return self._plain[places]
        split = int(places.searchsorted(packed))
        unpacked = unpack(self._words[places[:split]], self._wide)
        if split == len(places):
            return unpacked
        return np.concatenate([unpacked, self._plain[places[split:] - packed]])


class Changes:
    """The changes of the vectors of a chunk after its first one.

    Attributes:
        column_type: the type of column numbers: uint16 or uint32.
        size_bytes: memory held, approximately.
    """

    __slots__ = ("_newest_bytes", "_state", "_wide", "column_type", "size_bytes")

    def __init__(self, column_type: "np.dtype[np.unsignedinteger[Any]]") -> None:
        self.column_type = column_type
        self.size_bytes = 0
        self._state = _State((), [])
        self._newest_bytes = self._wide = 0

    def add(self, columns: bytes, values: bytes) -> None:
        """Append the changes of the next vector."""
        state = self._state
        if self._newest_bytes >= _FOLD_BYTES:
            block = self._folded(state.newest)
            self._state = state = _State((*state.blocks, block), [])
            self.size_bytes += block.size_bytes - self._newest_bytes
            self._newest_bytes = 0
        state.newest.append((columns, values))
        self._grow(len(columns) + len(values) + _VECTOR_OVERHEAD_BYTES)

    @property
    def last(self) -> Change:
        """The changes of the last vector."""
        return self._state.newest[-1]

    def replace_last(self, columns: bytes, values: bytes) -> None:
        """Replace the changes of the last vector: a reader sees the old ones or the new."""
        newest = self._state.newest
        old_columns, old_values = newest[-1]
        newest[-1] = columns, values
        self._grow(len(columns) + len(values) - len(old_columns) - len(old_values))

    def _grow(self, more_bytes: int) -> None:
        self._newest_bytes += more_bytes
        self.size_bytes += more_bytes

    def _folded(self, changes: Sequence[Change]) -> FoldedVectors:
        counts = np.fromiter((len(values) for _, values in changes), np.uint32, len(changes))
        values = np.frombuffer(b"".join([values for _, values in changes]), FLOAT)
        words, wide = pack(values, self._wide)
        self._wide += len(wide)
        columns = b"".join([columns for columns, _ in changes])
        counts //= FLOAT.itemsize
        return FoldedVectors(
            len(changes), counts.tobytes(), columns, words.tobytes(), wide.tobytes()
        )

    def joined(self, vectors: int) -> JoinedChanges:
        """Return the changes of the first vectors; there are at least so many."""
        state = self._state
        blocks, newest = state.blocks, state.newest
        folded = sum([block.vectors for block in blocks])
        newest = newest[: max(0, vectors - folded)]
        counts = np.frombuffer(b"".join([block.counts for block in blocks]), np.uint32)
        sizes = np.fromiter(map(len, [values for _, values in newest]), np.intp, len(newest))
        ends = np.concatenate([counts, sizes >> 3]).cumsum(dtype=np.intp)[:vectors]
        columns = [block.columns for block in blocks]
        columns += [some for some, _ in newest]
        words = np.frombuffer(b"".join([block.words for block in blocks]), np.int32)
        size = int(ends[-1]) if vectors else 0
        return JoinedChanges(
            # Since the view was taken, later vectors may have been folded.
            np.frombuffer(b"".join(columns), self.column_type)[:size],
            ends,
            words[:size],
            np.frombuffer(b"".join([block.wide for block in blocks]), np.uint64),
            np.frombuffer(b"".join([values for _, values in newest]), np.uint64),
        )
