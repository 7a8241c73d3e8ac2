"""Full parse of one body: known line prefixes take a fast path, others the strict grammar."""

from collections.abc import Mapping, Sequence

import numpy as np

from model.labels import Labels
from scraper.exposition.catalog import COLLIDED, DETACHED, DROPPED, NO_SAMPLE, SeriesCatalog
from scraper.exposition.delta import DetachedSample, ExpositionDelta
from scraper.exposition.errors import LimitError
from scraper.exposition.formats import ExpositionFormat
from scraper.exposition.grammar import GRAMMARS
from scraper.exposition.line_state import KnownPrefixes, LineState
from scraper.exposition.lines import is_comment
from scraper.exposition.numbers import parse_value, parse_values
from scraper.exposition.parser import duplicate_series


class FullParse:
    """Parses every line of one body.

    Outside of it, only the catalog's provisional series change. Call `read`, then
    `resolve_duplicates`, then `delta`.

    Attributes:
        state: the lines' state, after `resolve_duplicates`.
    """

    def __init__(
        self,
        lines: Sequence[bytes],
        count: int,
        exposition_format: ExpositionFormat,
        types: Mapping[str, str],
        catalog: SeriesCatalog,
    ) -> None:
        """Prepare; only the first `count` of `lines` are content."""
        self.state = LineState.empty()
        self._lines, self._count, self._types, self._catalog = lines, count, types, catalog
        self._kept = 0
        self._grammar = GRAMMARS[exposition_format]
        self._codes = [NO_SAMPLE] * len(lines)
        self._value_at = [0] * len(lines)
        self._values = np.zeros(len(lines))
        self._timestamps: dict[int, int | None] = {}
        self._timestamped: set[int] = set()

    def read(self, known: KnownPrefixes) -> None:
        """Parse all lines; lines with a prefix in `known` take the fast path.

        Raises:
            ExpositionError: a line is malformed.
            LimitError: the body has too many samples, or a series too many labels.
            SeriesNameError: the name of a series is not allowed.
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
            code, at, timestamped = hit
            token = line[at:]
            if timestamped:
                token, _, timestamp = token.partition(b" ")
                if not self._read_timestamp(index, timestamp):
                    self._read_strictly(index, line)
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
        if limit and self._kept > limit:
            raise LimitError(f"sample limit of {limit} exceeded")

    def _read_values(self, found: Sequence[int], tokens: Sequence[bytes]) -> None:
        values = parse_values(tokens)
        if values is not None:
            self._values[found] = values
            return
        for index, token in zip(found, tokens, strict=True):
            try:
                self._values[index] = parse_value(token.decode())
            except ValueError:
                # Malformed, or not in plain form: the strict grammar decides.
                self._kept -= self._codes[index] != DROPPED
                self._read_strictly(index, self._lines[index])

    def _read_timestamp(self, index: int, text: bytes) -> bool:
        """Parse the timestamp of a plain line; return False if it needs the strict grammar."""
        try:
            self._timestamps[index] = self._grammar.timestamp_ms(text.decode())
        except ValueError:
            return False
        self._timestamped.add(index)
        return True

    def _read_strictly(self, index: int, line: bytes, code: int | None = None) -> None:
        sample = self._grammar.sample(line, index + 1, self._types)
        self._values[index] = sample.value
        if sample.timestamp_ms is not None:
            self._timestamps[index] = sample.timestamp_ms
            if sample.value_at:
                self._timestamped.add(index)
        self._value_at[index] = sample.value_at
        self._set_code(index, self._catalog.code(sample) if code is None else code)

    def resolve_duplicates(self) -> None:
        """Reject duplicate series, mark collided samples and set `state`.

        Raises:
            ExpositionError: two lines have the same series.
        """
        if not self._catalog.honor_timestamps:
            self._timestamps.clear()
        codes = np.array(self._codes, np.int32)
        ordinary = codes[codes >= 0]
        if len(np.unique(ordinary)) != len(ordinary) or (codes <= DETACHED).any():
            self._mark_collided()
            codes = np.array(self._codes, np.int32)
        sampled = codes != NO_SAMPLE
        detached = codes[codes <= DETACHED]
        self.state = LineState(
            codes,
            self._value_at,
            frozenset(self._timestamped),
            repeats=len(np.unique(detached)) != len(detached),
            special=bool(self._timestamped or (codes[sampled] < 0).any()),
            samples=int(sampled.sum()),
            kept=int((codes >= 0).sum()) + len(detached),
        )

    def _mark_collided(self) -> None:
        """Mark lines that relabelling gave the series of an earlier line.

        Like Prometheus, the first line is kept. Lines with equal labels before
        relabelling are an error.
        """
        first: dict[tuple[int, int | None], int] = {}
        for index, code in enumerate(self._codes):
            if code in (NO_SAMPLE, DROPPED):
                continue
            earlier = first.setdefault((code, self._timestamps.get(index)), index)
            if earlier == index:
                continue
            labels = self._scraped_labels(index)
            if labels == self._scraped_labels(earlier):
                raise duplicate_series(labels, index + 1, earlier + 1)
            self._codes[index] = COLLIDED

    def _scraped_labels(self, index: int) -> Labels:
        sample = self._grammar.sample(self._lines[index], index + 1, self._types)
        return Labels.of(sample.pairs)

    def delta(self) -> ExpositionDelta:
        """Return every series of the body."""
        codes = self.state.codes
        ordinary = np.flatnonzero(codes >= 0)
        detached = tuple(
            DetachedSample(int(codes[at]), float(self._values[at]), self._timestamps.get(at))
            for at in np.flatnonzero(codes <= DETACHED).tolist()
        )
        return ExpositionDelta(
            codes[ordinary],
            self._values[ordinary],
            detached,
            complete=True,
            samples=self.state.samples,
            kept=self.state.kept,
            collisions=int((codes == COLLIDED).sum()),
        )
