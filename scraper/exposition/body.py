"""One body under full reading: every line by its beginning where it is known, else strictly."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.labels import Labels
from scraper.exposition.catalog import COLLIDED, DETACHED, DROPPED, NO_SAMPLE, Catalog
from scraper.exposition.errors import LimitError
from scraper.exposition.exposition import duplicate_series
from scraper.exposition.families import is_comment
from scraper.exposition.grammar import GRAMMARS, ExpositionFormat
from scraper.exposition.numbers import parse_value
from scraper.exposition.readings import DetachedSample, Reading, numbers


@dataclass(slots=True, eq=False)
class LineState:
    """What the last good body's lines are, index by index.

    Attributes:
        codes: int32: a column, DROPPED, NO_SAMPLE, or DETACHED and below.
        value_at: where the value begins; 0 where a line must be read strictly.
        stamped: lines that end in a timestamp.
        repeats: whether a series stands on several lines, at several times.
        special: whether there is any code below 0 on a sample line, or a timestamp.
    """

    codes: NDArray[np.int32]
    value_at: list[int]
    stamped: frozenset[int]
    repeats: bool
    special: bool
    samples: int
    kept: int

    @classmethod
    def empty(cls) -> "LineState":
        return cls(
            np.empty(0, np.int32), [], frozenset(), repeats=False, special=False, samples=0, kept=0
        )

    def split_stamps(self, changed: Sequence[int], tokens: list[bytes]) -> dict[int, bytes]:
        """Cut the timestamps off `tokens`; return them by position in `tokens`."""
        stamps: dict[int, bytes] = {}
        if self.stamped:
            for position, index in enumerate(changed):
                if index in self.stamped:
                    tokens[position], _, stamps[position] = tokens[position].partition(b" ")
        return stamps


@dataclass(slots=True, eq=False)
class KnownSeries:
    """Codes by what a line begins with: without its last token, its last two, or whole.

    A line that collided is not known: it may be the only one of its series next time.
    """

    plain: dict[bytes, int]
    stamped: dict[bytes, int]
    whole: dict[bytes, int]

    @classmethod
    def empty(cls) -> "KnownSeries":
        return cls({}, {}, {})

    def __bool__(self) -> bool:
        return bool(self.plain or self.stamped or self.whole)

    @classmethod
    def of(cls, lines: Sequence[bytes], state: LineState) -> "KnownSeries":
        known = cls.empty()
        for index, code in enumerate(state.codes.tolist()):
            if code in (NO_SAMPLE, COLLIDED):
                continue
            at = state.value_at[index]
            if not at:
                known.whole[lines[index]] = code
            elif index in state.stamped:
                known.stamped[lines[index][: at - 1]] = code
            else:
                known.plain[lines[index][: at - 1]] = code
        return known

    def find(self, line: bytes) -> tuple[int, int, bool] | None:
        """Return a line's code, where its value begins, and whether it has a timestamp."""
        head, _, _ = line.rpartition(b" ")
        code = self.plain.get(head)
        if code is not None:
            return code, len(head) + 1, False
        if self.stamped:
            head, _, _ = head.rpartition(b" ")
            code = self.stamped.get(head)
            if code is not None:
                return code, len(head) + 1, True
        return None


class Body:
    """One body under full reading; nothing outside of it changes."""

    def __init__(
        self,
        lines: Sequence[bytes],
        count: int,
        exposition_format: ExpositionFormat,
        types: Mapping[str, str],
        catalog: Catalog,
    ) -> None:
        self.state = LineState.empty()
        self._lines, self._count, self._types, self._catalog = lines, count, types, catalog
        self._kept = 0
        self._grammar = GRAMMARS[exposition_format]
        self._codes = [NO_SAMPLE] * len(lines)
        self._value_at = [0] * len(lines)
        self._values = np.zeros(len(lines))
        self._stamps: dict[int, int | None] = {}
        self._stamped: set[int] = set()

    def read(self, known: KnownSeries) -> None:
        """Read all lines, those that `known` has by their beginning.

        Raises:
            ExpositionError: a line is malformed.
            LimitError: the body has too many samples, or a series too many labels.
        """
        self._catalog.begin()
        found: list[int] = []
        tokens: list[bytes] = []
        for index in range(self._count):
            line = self._lines[index]
            hit = known.find(line)
            if hit is None:
                if not is_comment(line):
                    self._read_strictly(index, line, known.whole.get(line))
                continue
            code, at, stamped = hit
            token = line[at:]
            if stamped:
                token, _, stamp = token.partition(b" ")
                if not self._read_stamp(index, stamp):
                    self._read_strictly(index, line)
                    continue
            self._value_at[index] = at
            self._keep(index, code)
            found.append(index)
            tokens.append(token)
        self._read_values(found, tokens)

    def _keep(self, index: int, code: int) -> None:
        self._codes[index] = code
        self._kept += code != DROPPED
        limit = self._catalog.sample_limit
        if limit and self._kept > limit:
            raise LimitError(f"sample limit of {limit} exceeded")

    def _read_values(self, found: Sequence[int], tokens: Sequence[bytes]) -> None:
        values = numbers(tokens)
        if values is not None:
            self._values[found] = values
            return
        for index, token in zip(found, tokens, strict=True):
            try:
                self._values[index] = parse_value(token.decode())
            except ValueError:
                # Malformed, or in a form that only the strict grammar tells apart.
                self._kept -= self._codes[index] != DROPPED
                self._read_strictly(index, self._lines[index])

    def _read_stamp(self, index: int, stamp: bytes) -> bool:
        """Read a plain line's timestamp; False if only the strict grammar can."""
        try:
            self._stamps[index] = self._grammar.timestamp_ms(stamp.decode())
        except ValueError:
            return False
        self._stamped.add(index)
        return True

    def _read_strictly(self, index: int, line: bytes, code: int | None = None) -> None:
        sample = self._grammar.sample(line, index + 1, self._types)
        self._values[index] = sample.value
        if sample.timestamp_ms is not None:
            self._stamps[index] = sample.timestamp_ms
            if sample.value_at:
                self._stamped.add(index)
        self._value_at[index] = sample.value_at
        self._keep(index, self._catalog.code(sample) if code is None else code)

    def place(self) -> None:
        """Settle which line is which series.

        Raises:
            ExpositionError: a series stands there twice.
        """
        if not self._catalog.honor_timestamps:
            self._stamps.clear()
        codes = np.array(self._codes, np.int32)
        ordinary = codes[codes >= 0]
        if len(np.unique(ordinary)) != len(ordinary) or (codes <= DETACHED).any():
            self._refuse_duplicates()
            codes = np.array(self._codes, np.int32)
        sampled = codes != NO_SAMPLE
        detached = codes[codes <= DETACHED]
        self.state = LineState(
            codes,
            self._value_at,
            frozenset(self._stamped),
            repeats=len(np.unique(detached)) != len(detached),
            special=bool(self._stamped or (codes[sampled] < 0).any()),
            samples=int(sampled.sum()),
            kept=int((codes >= 0).sum()) + len(detached),
        )

    def _refuse_duplicates(self) -> None:
        """Tell series written twice from those that relabelling made equal.

        Of the latter the first is kept, as in Prometheus.
        """
        first: dict[tuple[int, int | None], int] = {}
        for index, code in enumerate(self._codes):
            if code in (NO_SAMPLE, DROPPED):
                continue
            earlier = first.setdefault((code, self._stamps.get(index)), index)
            if earlier == index:
                continue
            labels = self._labels(index)
            if labels == self._labels(earlier):
                raise duplicate_series(labels, index + 1, earlier + 1)
            self._codes[index] = COLLIDED

    def _labels(self, index: int) -> Labels:
        sample = self._grammar.sample(self._lines[index], index + 1, self._types)
        return Labels.of(sample.pairs)

    def reading(self) -> Reading:
        """Return every series of the body."""
        codes = self.state.codes
        ordinary = np.flatnonzero(codes >= 0)
        detached = tuple(
            DetachedSample(int(codes[at]), float(self._values[at]), self._stamps.get(at))
            for at in np.flatnonzero(codes <= DETACHED).tolist()
        )
        return Reading(
            codes[ordinary],
            self._values[ordinary],
            detached,
            complete=True,
            samples=self.state.samples,
            kept=self.state.kept,
            collisions=int((codes == COLLIDED).sum()),
        )
