"""The lines of the last valid body: their series, and where their values begin."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from scraper.exposition.catalog import DUPLICATE, NO_SAMPLE
from scraper.exposition.interning import ArrayInterner


@dataclass(slots=True, eq=False)
class LineState:
    """The state of the last valid body, by line index.

    Attributes:
        codes: int32, the code of each line, read-only once shared; see `catalog`.
        value_at: byte offset of each value; 0 for a line that needs the strict grammar.
        timestamped: the lines that end with a timestamp.
        written: metric name and labels of each sample line that needs the strict grammar.
        repeats: whether several lines have one series that is detached.
        special: whether a sample line has a code below 0 or a timestamp.
        samples: number of samples in the body.
        kept: number of samples left after metric relabelling.
        duplicates: number of samples dropped as duplicates.
    """

    codes: NDArray[np.int32]
    value_at: Sequence[int]
    timestamped: frozenset[int]
    written: Mapping[int, bytes]
    repeats: bool
    special: bool
    samples: int
    kept: int
    duplicates: int

    @classmethod
    def empty(cls) -> "LineState":
        """Return the state before the first body."""
        return cls(
            np.empty(0, np.int32),
            [],
            frozenset(),
            {},
            repeats=False,
            special=False,
            samples=0,
            kept=0,
            duplicates=0,
        )

    def share(self, interner: ArrayInterner) -> None:
        """Replace codes and offsets by equal arrays of other targets.

        Hosts with the same exporter have the same lines, and the two arrays take 10 KB
        a target on node_exporter's output.
        """
        self.codes = interner.codes(self.codes)
        self.value_at = interner.offsets(self.value_at)

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

    Attributes:
        plain: by the line without its value.
        timestamped: by the line without its value and timestamp.
        whole: by the whole line, where the line is not in plain form.
    """

    plain: dict[bytes, int] = field(default_factory=dict)
    timestamped: dict[bytes, int] = field(default_factory=dict)
    whole: dict[bytes, int] = field(default_factory=dict)

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


class KnownSeries:
    """The series of a body, by the text of their lines.

    Duplicates have no code here: in the next body such a line may be the only one of its
    series.
    """

    def __init__(self) -> None:
        # By the label whose value is made canonical: the same text has another series
        # under another type.
        self._prefixes: dict[str | None, KnownPrefixes] = {}
        # Of lines without a prefix here: duplicates, and lines that are not in plain form.
        self._others: set[bytes] = set()
        # Set when first needed.
        self._written: set[bytes] | None = None

    @classmethod
    def of(
        cls, lines: Sequence[bytes], state: LineState, bounds: Iterable[str | None]
    ) -> "KnownSeries":
        """Return the series of a body.

        Args:
            lines: the body's lines.
            state: their state.
            bounds: the label made canonical below each comment; see `Families`.
        """
        series = cls()
        following = iter(bounds)
        known = series.under(None)
        value_at, stamped = state.value_at, state.timestamped
        for index, code in enumerate(state.codes.tolist()):
            if code == NO_SAMPLE:
                known = series.under(next(following, None))
                continue
            at = value_at[index]
            if code == DUPLICATE:
                written = lines[index][: at - 1] if at else state.written[index]
                series._others.add(written)
            elif not at:
                known.whole[lines[index]] = code
                series._others.add(state.written[index])
            elif stamped and index in stamped:
                known.timestamped[lines[index][: at - 1]] = code
            else:
                known.plain[lines[index][: at - 1]] = code
        return series

    def under(self, bound: str | None) -> KnownPrefixes:
        """Return the series below a comment after which `bound` is made canonical."""
        known = self._prefixes.get(bound)
        if known is None:
            known = self._prefixes[bound] = KnownPrefixes()
        return known

    def __contains__(self, written: object) -> bool:
        """Return whether a line had this metric name and labels, as written."""
        for known in self._prefixes.values():
            if written in known.plain or written in known.timestamped:
                return True
        if self._written is None:
            self._written = self.written()
        return written in self._written

    def written(self) -> set[bytes]:
        """Return metric name and labels of every line, as written."""
        written = set(self._others)
        for known in self._prefixes.values():
            for prefixes in (known.plain, known.timestamped):
                # More than one blank may stand before a value.
                written.update(prefix.rstrip(b" \t") for prefix in prefixes)
        return written
