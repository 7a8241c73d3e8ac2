"""Full parse of one body: known line prefixes take a fast path, others the strict grammar."""

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from model.distinct import distinct
from scraper.exposition.catalog import DETACHED, DROPPED, DUPLICATE, NO_SAMPLE, SeriesCatalog
from scraper.exposition.delta import DetachedSample, ExpositionDelta
from scraper.exposition.errors import LimitError
from scraper.exposition.families import Families
from scraper.exposition.formats import ExpositionFormat
from scraper.exposition.grammar import GRAMMARS
from scraper.exposition.line_state import KnownSeries, LineState
from scraper.exposition.lines import is_comment
from scraper.exposition.numbers import parse_value, parse_values


class FullParse:
    """Parses every line of one body.

    Outside of it, only the catalog's provisional series change. Call `read`, then
    `resolve_duplicates`, then `delta`. Errors name a malformed line, not always the first.

    Attributes:
        state: the lines' state, after `resolve_duplicates`.
    """

    def __init__(
        self,
        lines: Sequence[bytes],
        count: int,
        exposition_format: ExpositionFormat,
        families: Families,
        catalog: SeriesCatalog,
    ) -> None:
        """Prepare; only the first `count` of `lines` are content."""
        self.state = LineState.empty()
        self._lines, self._count, self._catalog = lines, count, catalog
        self._bounds = families.bounds
        self._kept = 0
        self._grammar = GRAMMARS[exposition_format]
        self._codes = [NO_SAMPLE] * len(lines)
        self._value_at = [0] * len(lines)
        self._values = np.zeros(len(lines))
        self._timestamps: dict[int, int | None] = {}
        self._timestamped: set[int] = set()
        # Of the lines that took the strict grammar.
        self._written: dict[int, bytes] = {}

    def read(self, known: KnownSeries) -> None:
        """Parse all lines; lines with a prefix in `known` take the fast path.

        Raises:
            ExpositionError: a line is malformed.
            LimitError: the body has too many samples, or a series too many labels.
            SeriesNameError: the name of a series is not allowed.
        """
        self._catalog.begin()
        found: list[int] = []
        tokens: list[bytes] = []
        bounds = iter(self._bounds)
        bound: str | None = None
        prefixes = known.under(bound)
        for index in range(self._count):
            line = self._lines[index]
            hit = prefixes.find(line)
            if hit is None:
                if not is_comment(line):
                    self._read_strictly(index, line, bound, prefixes.whole.get(line))
                elif (following := next(bounds)) != bound:
                    bound = following
                    prefixes = known.under(bound)
                continue
            code, at, timestamped = hit
            token = line[at:]
            if timestamped:
                token, _, timestamp = token.partition(b" ")
                if not self._read_timestamp(index, timestamp):
                    self._read_strictly(index, line, bound)
                    continue
            self._value_at[index] = at
            self._set_code(index, code)
            found.append(index)
            tokens.append(token)
        self._read_values(found, tokens)

    def _set_code(self, index: int, code: int) -> None:
        self._codes[index] = code
        self._kept += code != DROPPED
        limit = self._catalog.sample_limit
        # Only to bound memory: duplicates do not count.
        if limit and self._kept > 8 * limit:
            raise LimitError(_exceeded(limit))

    def _read_values(self, found: Sequence[int], tokens: Sequence[bytes]) -> None:
        values = parse_values(tokens)
        if values is not None:
            self._values[found] = values
            return
        bounds = self._bound_by_line()
        for index, token in zip(found, tokens, strict=True):
            try:
                self._values[index] = parse_value(token.decode())
            except ValueError:
                # Malformed, or not in plain form: the strict grammar decides.
                self._kept -= self._codes[index] != DROPPED
                self._read_strictly(index, self._lines[index], bounds[index])

    def _bound_by_line(self) -> Sequence[str | None]:
        """Return for each line the label whose value is made canonical."""
        bounds = iter(self._bounds)
        bound: str | None = None
        by_line = []
        for line in self._lines[: self._count]:
            if is_comment(line):
                bound = next(bounds)
            by_line.append(bound)
        return by_line

    def _read_timestamp(self, index: int, text: bytes) -> bool:
        """Parse the timestamp of a plain line; return False if it needs the strict grammar."""
        try:
            self._timestamps[index] = self._grammar.timestamp_ms(text.decode())
        except ValueError:
            return False
        self._timestamped.add(index)
        return True

    def _read_strictly(
        self, index: int, line: bytes, bound: str | None, code: int | None = None
    ) -> None:
        sample = self._grammar.sample(line, index + 1, bound)
        self._values[index] = sample.value
        # The fast path takes `a  1` for a value and a timestamp if `a 1 1` is known.
        self._timestamps.pop(index, None)
        self._timestamped.discard(index)
        if sample.timestamp_ms is not None:
            self._timestamps[index] = sample.timestamp_ms
            if sample.value_at:
                self._timestamped.add(index)
        self._value_at[index] = sample.value_at
        self._written[index] = sample.written.encode()
        self._set_code(index, self._catalog.code(sample) if code is None else code)

    def resolve_duplicates(self) -> None:
        """Mark duplicate samples and set `state`.

        Raises:
            LimitError: the body has too many samples.
        """
        if not self._catalog.honor_timestamps:
            self._timestamps.clear()
        codes = np.array(self._codes, np.int32)
        ordinary, detached = codes[codes >= 0], codes[codes <= DETACHED]
        repeats = len(distinct(detached)) != len(detached)
        if repeats or self._timestamps or len(distinct(ordinary)) != len(ordinary):
            self._mark_duplicates()
            codes = np.array(self._codes, np.int32)
        sampled = codes != NO_SAMPLE
        self.state = LineState(
            codes,
            self._value_at,
            frozenset(self._timestamped),
            {index: text for index, text in self._written.items() if not self._value_at[index]},
            repeats=repeats,
            special=bool(self._timestamped or (codes[sampled] < 0).any()),
            samples=int(sampled.sum()),
            kept=int((sampled & (codes != DROPPED)).sum()),
            duplicates=int((codes == DUPLICATE).sum()),
        )
        limit = self._catalog.sample_limit
        if limit and self.state.kept > limit and self._appended() > limit:
            raise LimitError(_exceeded(limit))

    def _mark_duplicates(self) -> None:
        """Mark samples with the series and timestamp of an earlier line.

        Like Prometheus, the first line is kept. A sample without a timestamp is a
        duplicate of any earlier one, and a sample is a duplicate of an earlier one without.
        """
        plain_codes = self._catalog.with_timestamps() if self._timestamps else {}
        stamped: set[tuple[int, int]] = set()
        seen: set[int] = set()
        plain: set[int] = set()
        for index, code in enumerate(self._codes):
            if not (code >= 0 or code <= DETACHED):
                continue
            series, timestamp_ms = plain_codes.get(code, code), self._timestamps.get(index)
            if timestamp_ms is None:
                is_duplicate = series in seen
            else:
                is_duplicate = series in plain or (series, timestamp_ms) in stamped
            if is_duplicate:
                self._codes[index] = DUPLICATE
                continue
            seen.add(series)
            if timestamp_ms is None:
                plain.add(series)
            else:
                stamped.add((series, timestamp_ms))

    def _appended(self) -> int:
        """Return the number of kept samples without those whose text occurs twice."""
        kept = [index for index, code in enumerate(self._codes) if code not in (NO_SAMPLE, DROPPED)]
        stamped = sum(index in self._timestamps for index in kept)
        return stamped + len({self._text(i) for i in kept if i not in self._timestamps})

    def _text(self, index: int) -> bytes:
        """Return metric name and labels of a sample line, as written."""
        at = self._value_at[index]
        return self._written.get(index) or self._lines[index][: at - 1]

    def delta(self, known: KnownSeries, seen: Collection[bytes]) -> ExpositionDelta:
        """Return every series of the body.

        Args:
            known: the series of the last body.
            seen: further series that are not new, as written.
        """
        codes = self.state.codes
        ordinary = np.flatnonzero(codes >= 0)
        detached = tuple(
            DetachedSample(int(codes[at]), float(self._values[at]), self._timestamps.get(at))
            for at in np.flatnonzero(codes <= DETACHED).tolist()
        )
        new = self._new(codes, known, seen)
        return ExpositionDelta(
            codes[ordinary],
            self._values[ordinary],
            detached,
            complete=True,
            samples=self.state.samples,
            kept=self.state.kept,
            duplicates=self.state.duplicates,
            added=len(new),
            new_detached=frozenset(code for code in new.values() if code <= DETACHED),
        )

    def _new(
        self, codes: NDArray[np.int32], known: KnownSeries, seen: Collection[bytes]
    ) -> dict[bytes, int]:
        """Return the codes of the new series, by their text."""
        new: dict[bytes, int] = {}
        for index, written in self._written.items():
            code = int(codes[index])
            if code != DROPPED and written not in seen and written not in known:
                new.setdefault(written, code)
        return new


def _exceeded(limit: int) -> str:
    return f"sample limit of {limit} exceeded (setting limits.samples or sample_limit)"
