"""Parse by difference: an exposition is mostly the same text as the one before.

Only lines that differ are read, and of those mostly nothing but the value: a line that
begins as its predecessor did, up to the value, is the same series. Measured on
node_exporter's output (benchmarks/parse.py) this takes a fifth of a microsecond a
sample, a fiftieth of what a full parse takes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from operator import ne
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from model.labels import Labels
from scraper.catalog import DETACHED, DROPPED, NO_SAMPLE, Catalog
from scraper.errors import ExpositionError, LimitError
from scraper.exposition import content_lines, duplicate_series, split_lines
from scraper.families import Families, FamilyPool, is_comment
from scraper.grammar import GRAMMARS, ExpositionFormat
from scraper.numbers import PLAIN, parse_value

_PLAIN_LIST = PLAIN + b","
_ANY_LINES = 500_000
"""As many lines are read whatever the sample limit; metadata takes two a family."""


class DetachedSample(NamedTuple):
    """A sample that does not belong in the target's vector; see `catalog`."""

    code: int
    value: float
    timestamp_ms: int | None


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What one exposition says, as far as it may differ from the last.

    Attributes:
        columns: int32, distinct, columns of the target's vector.
        values: their values, same shape.
        detached: samples of detached series.
        complete: whether every series of the body is given; if not, those not given
            are as they were.
        samples: how many samples the body has.
        kept: how many of them are left after metric relabelling.
        collisions: samples dropped because relabelling made them one with another.
    """

    columns: NDArray[np.int32]
    values: NDArray[np.float64]
    detached: tuple[DetachedSample, ...]
    complete: bool
    samples: int
    kept: int
    collisions: int = 0


class DifferenceParser:
    """Reads one target's expositions; a failed call leaves it as it was.

    Attributes:
        families: the metric families of the last good exposition.
    """

    def __init__(self, catalog: Catalog, pool: FamilyPool) -> None:
        self.families = Families((), {}, {})
        self._catalog, self._pool = catalog, pool
        self._format = ExpositionFormat.TEXT
        self._lines: list[bytes] = []
        self._state = _LineState.empty()

    def parse(
        self, body: bytes, exposition_format: ExpositionFormat, *, complete: bool = False
    ) -> Reading:
        """Read a body.

        Args:
            body: the exposition.
            exposition_format: how it is written.
            complete: give every series, changed or not.

        Raises:
            ExpositionError: it is malformed.
            LimitError: it goes beyond a limit.
        """
        self._check_lines(body)
        lines = split_lines(body)
        same_format = exposition_format is self._format
        if same_format and not complete and len(lines) == len(self._lines):
            reading = self._read_changed(lines)
            if reading is not None:
                return reading
        return self._read_all(lines, exposition_format)

    def _check_lines(self, body: bytes) -> None:
        # Seen before any line is: millions of empty ones cost no samples, but gigabytes.
        limit = self._catalog.sample_limit and max(_ANY_LINES, 8 * self._catalog.sample_limit)
        if limit and len(body) > limit and body.count(b"\n") > limit:
            raise LimitError(f"more than {limit} lines")

    def forget(self) -> None:
        """Read the next body from scratch: its series may be named otherwise now."""
        self._lines = []
        self._state = _LineState.empty()

    def renumber(self, columns: NDArray[np.int32]) -> None:
        """Replace each column by `columns[column]` after the catalog was compacted."""
        codes = self._state.codes
        ordinary = codes >= 0
        codes[ordinary] = columns[codes[ordinary]]

    def _read_changed(self, lines: list[bytes]) -> Reading | None:
        """Read lines that keep their series; None if not all do."""
        state, previous = self._state, self._lines
        if state.repeats:
            return None
        changed = list(compress(range(len(lines)), map(ne, lines, previous)))
        tokens = []
        for index in changed:
            line, at = lines[index], state.value_at[index]
            if not at or not previous[index].startswith(line[:at]):
                return None
            tokens.append(line[at:])
        stamps = state.split_stamps(changed, tokens)
        values = _numbers(tokens)
        if values is None:
            return None
        codes = state.codes[changed]
        detached: tuple[DetachedSample, ...] = ()
        if state.special:
            try:
                detached = self._detached(codes, values, stamps)
            except ValueError:
                return None
            ordinary = codes >= 0
            codes, values = codes[ordinary], values[ordinary]
        for index in changed:
            previous[index] = lines[index]
        return Reading(
            codes, values, detached, complete=False, samples=state.samples, kept=state.kept
        )

    def _detached(
        self, codes: NDArray[np.int32], values: NDArray[np.float64], stamps: Mapping[int, bytes]
    ) -> tuple[DetachedSample, ...]:
        timestamp_ms = GRAMMARS[self._format].timestamp_ms
        honor = self._catalog.honor_timestamps
        times = {at: timestamp_ms(stamp.decode()) for at, stamp in stamps.items()}
        return tuple(
            DetachedSample(int(codes[at]), float(values[at]), times.get(at) if honor else None)
            for at in np.flatnonzero(codes <= DETACHED).tolist()
        )

    def _read_all(self, lines: list[bytes], exposition_format: ExpositionFormat) -> Reading:
        """Read every line, by its beginning where the last body had it, else strictly."""
        count = content_lines(lines, exposition_format)
        families = self._pool.read(lines[:count], exposition_format)
        known = _KnownSeries.empty()
        if exposition_format is self._format and families.types == self.families.types:
            known = _KnownSeries.of(self._lines, self._state)
        body = _Body(lines, count, exposition_format, families.types, self._catalog)
        try:
            body.read(known)
        except ExpositionError:
            # Of several malformed lines the first is told, whatever was known before.
            body = _Body(lines, count, exposition_format, families.types, self._catalog)
            body.read(_KnownSeries.empty())
        body.place()
        reading = body.reading()
        self._catalog.accept()
        self._format, self.families, self._state = exposition_format, families, body.state
        shared = iter(families.comments)
        self._lines = [next(shared) if is_comment(line) else line for line in lines[:count]]
        self._lines += lines[count:]
        return reading


@dataclass(slots=True, eq=False)
class _LineState:
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
    def empty(cls) -> "_LineState":
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
class _KnownSeries:
    """Codes by what a line begins with: without its last token, its last two, or whole."""

    plain: dict[bytes, int]
    stamped: dict[bytes, int]
    whole: dict[bytes, int]

    @classmethod
    def empty(cls) -> "_KnownSeries":
        return cls({}, {}, {})

    @classmethod
    def of(cls, lines: Sequence[bytes], state: _LineState) -> "_KnownSeries":
        known = cls.empty()
        for index, code in enumerate(state.codes.tolist()):
            if code == NO_SAMPLE:
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


class _Body:
    """One body under full reading; nothing outside of it changes."""

    def __init__(
        self,
        lines: Sequence[bytes],
        count: int,
        exposition_format: ExpositionFormat,
        types: Mapping[str, str],
        catalog: Catalog,
    ) -> None:
        self.state = _LineState.empty()
        self._lines, self._count, self._types, self._catalog = lines, count, types, catalog
        self._kept = 0
        self._grammar = GRAMMARS[exposition_format]
        self._codes = [NO_SAMPLE] * len(lines)
        self._value_at = [0] * len(lines)
        self._values = np.zeros(len(lines))
        self._stamps: dict[int, int | None] = {}
        self._stamped: set[int] = set()
        self._collisions = 0

    def read(self, known: _KnownSeries) -> None:
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
        values = _numbers(tokens)
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
        self.state = _LineState(
            codes,
            self._value_at,
            frozenset(self._stamped),
            repeats=len(np.unique(detached)) != len(detached),
            special=bool(self._stamped or (codes[sampled] < 0).any()),
            samples=int(sampled.sum()),
            kept=int((sampled & (codes != DROPPED)).sum()),
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
            self._codes[index] = DROPPED
            self._collisions += 1

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
            collisions=self._collisions,
        )


def _numbers(tokens: Sequence[bytes]) -> NDArray[np.float64] | None:
    """Return the numbers that `tokens` write, None if one of them is none."""
    try:
        if not b",".join(tokens).translate(None, _PLAIN_LIST):
            values = np.fromiter(map(float, tokens), np.float64, len(tokens))
            return None if np.isinf(values).any() else values
        return np.array([parse_value(token.decode()) for token in tokens])
    except ValueError:
        return None
