"""The lines of the last valid body: their series, and where their values begin."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scraper.exposition.catalog import COLLIDED, NO_SAMPLE


@dataclass(slots=True, eq=False)
class LineState:
    """The state of the last valid body, by line index.

    Attributes:
        codes: int32, the code of each line; see `catalog`.
        value_at: byte offset of each value; 0 for a line that needs the strict grammar.
        timestamped: the lines that end with a timestamp.
        repeats: whether several lines, with different timestamps, have one series.
        special: whether a sample line has a code below 0 or a timestamp.
        samples: number of samples in the body.
        kept: number of samples left after metric relabelling.
    """

    codes: NDArray[np.int32]
    value_at: list[int]
    timestamped: frozenset[int]
    repeats: bool
    special: bool
    samples: int
    kept: int

    @classmethod
    def empty(cls) -> "LineState":
        """Return the state before the first body."""
        return cls(
            np.empty(0, np.int32), [], frozenset(), repeats=False, special=False, samples=0, kept=0
        )

    def split_timestamps(self, changed: Sequence[int], tokens: list[bytes]) -> dict[int, bytes]:
        """Remove the timestamps from `tokens` and return them by position in `tokens`.

        Args:
            changed: line index of each token.
            tokens: the lines' ends from the value on; changed in place.
        """
        timestamps: dict[int, bytes] = {}
        if self.timestamped:
            for position, index in enumerate(changed):
                if index in self.timestamped:
                    tokens[position], _, timestamps[position] = tokens[position].partition(b" ")
        return timestamps


@dataclass(slots=True, eq=False)
class KnownPrefixes:
    """The codes of known series, by the text of their lines.

    Lines that collided are left out: in the next body such a line may be the only one of
    its series.

    Attributes:
        plain: by the line without its value.
        timestamped: by the line without its value and timestamp.
        whole: by the whole line, where the line is not in plain form.
    """

    plain: dict[bytes, int]
    timestamped: dict[bytes, int]
    whole: dict[bytes, int]

    @classmethod
    def empty(cls) -> "KnownPrefixes":
        """Return an index without any line."""
        return cls({}, {}, {})

    def __bool__(self) -> bool:
        return bool(self.plain or self.timestamped or self.whole)

    @classmethod
    def of(cls, lines: Sequence[bytes], state: LineState) -> "KnownPrefixes":
        """Return the index of a body's lines."""
        known = cls.empty()
        for index, code in enumerate(state.codes.tolist()):
            if code in (NO_SAMPLE, COLLIDED):
                continue
            at = state.value_at[index]
            if not at:
                known.whole[lines[index]] = code
            elif index in state.timestamped:
                known.timestamped[lines[index][: at - 1]] = code
            else:
                known.plain[lines[index][: at - 1]] = code
        return known

    def find(self, line: bytes) -> tuple[int, int, bool] | None:
        """Return a line's code, the offset of its value, and whether it has a timestamp.

        None if no known line has its prefix.
        """
        prefix, _, _ = line.rpartition(b" ")
        code = self.plain.get(prefix)
        if code is not None:
            return code, len(prefix) + 1, False
        if self.timestamped:
            prefix, _, _ = prefix.rpartition(b" ")
            code = self.timestamped.get(prefix)
            if code is not None:
                return code, len(prefix) + 1, True
        return None
