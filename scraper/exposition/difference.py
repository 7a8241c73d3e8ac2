"""Parse by difference: an exposition is mostly the same text as the previous one.

Only lines that differ are parsed, and usually only their values: a line whose text up to
the value is unchanged has the same series. On node_exporter's output
(benchmarks/parse.py) this takes 0.2 us a sample, a fiftieth of a full parse. If no line
has a timestamp, a `BodySkeleton` halves that.
"""

from collections.abc import Mapping
from itertools import compress
from operator import ne

import numpy as np
from numpy.typing import NDArray

from scraper.exposition.catalog import DETACHED, SeriesCatalog
from scraper.exposition.delta import DetachedSample, ExpositionDelta
from scraper.exposition.errors import ExpositionError, LimitError, RejectedExpositionError
from scraper.exposition.families import Families, FamilyInterner
from scraper.exposition.formats import ExpositionFormat
from scraper.exposition.full_parse import FullParse
from scraper.exposition.grammar import GRAMMARS
from scraper.exposition.line_state import KnownSeries, LineState
from scraper.exposition.lines import count_content_lines, is_comment, join_strings, split_lines
from scraper.exposition.numbers import parse_values
from scraper.exposition.rejection import Rejection
from scraper.exposition.skeleton import BodySkeleton

_LEAST_LINE_LIMIT = 500_000
"""Lines allowed whatever the sample limit: metadata takes two lines per family."""
_MAX_SKELETON_USES = 4096
"""Bodies after which the skeleton is rebuilt, so that unchanged lines become constant again."""
_MAX_SEEN = 100_000
"""Series of rejected bodies that are remembered beyond twice those of the last valid one."""


class DifferenceParser:
    """Parses the expositions of one target; a failed call leaves the parser unchanged.

    Attributes:
        families: the metric families of the last valid exposition.
    """

    def __init__(self, catalog: SeriesCatalog, interner: FamilyInterner) -> None:
        self.families = Families((), {}, ())
        self._catalog, self._interner = catalog, interner
        self._format = ExpositionFormat.TEXT
        # The last body: a skeleton if no line has a timestamp, else lines.
        self._lines: list[bytes] = []
        self._skeleton: BodySkeleton | None = None
        self._state = LineState.empty()
        # Whether the last body's lines were joined where a string contains a line feed.
        self._is_joined = False
        # Series, as written, of bodies that were rejected, empty or forgotten since the
        # last valid one: they are not new when they return.
        self._seen: set[bytes] = set()

    def parse(
        self, body: bytes, exposition_format: ExpositionFormat, *, complete: bool = False
    ) -> ExpositionDelta:
        """Return the samples of a body that differ from the previous body.

        Args:
            body: the exposition.
            exposition_format: its format.
            complete: return every series, changed or not.

        Raises:
            ExpositionError: the body is malformed.
            LimitError: it exceeds a limit.
            SeriesNameError: the name of a series is not allowed.
        """
        self._check_line_count(body)
        try:
            return self._parse(body, exposition_format, complete=complete)
        except RejectedExpositionError as exc:
            error = self._rejected(body, exposition_format, exc.with_traceback(None))
        try:
            raise error
        finally:
            # The traceback's frame must not refer back to the error: a cycle would keep
            # the whole body until the next garbage collection.
            del error

    def _rejected(
        self, body: bytes, exposition_format: ExpositionFormat, error: RejectedExpositionError
    ) -> RejectedExpositionError:
        """Return the first error of a rejected body, with the counts up to it."""
        rejection = Rejection.of(body, exposition_format, self._catalog, error)
        rejection.error.counts = rejection.counts(self._known_series(), self._seen)
        self._remember_series(rejection.written)
        return rejection.error

    def _parse(
        self, body: bytes, exposition_format: ExpositionFormat, *, complete: bool
    ) -> ExpositionDelta:
        comparable = exposition_format is self._format and not complete
        if comparable and self._skeleton is not None:
            delta = self._read_variable(self._skeleton, body)
            if delta is not None:
                return delta
        lines = split_lines(body)
        physical = len(lines)
        if self._is_joined:
            lines = join_strings(lines)
        if comparable and self._skeleton is None and len(lines) == len(self._lines):
            delta = self._read_changed(lines)
            if delta is not None:
                return delta
        try:
            return self._read_all(body, lines, exposition_format, len(lines) < physical)
        except ExpositionError:
            joined = join_strings(lines)
            if len(joined) == len(lines):
                raise
            return self._read_all(body, joined, exposition_format, is_joined=True)

    def _check_line_count(self, body: bytes) -> None:
        # Before the body is split: millions of empty lines contain no sample but would
        # take gigabytes.
        limit = self._catalog.sample_limit and max(
            _LEAST_LINE_LIMIT, 8 * self._catalog.sample_limit
        )
        if limit and len(body) > limit and body.count(b"\n") > limit:
            raise LimitError(f"more than {limit} lines")

    def forget(self) -> None:
        """Discard the last body, because the names of its series may have changed."""
        self._remember_series(self._known_series().written())
        self._lines, self._skeleton = [], None
        self._state = LineState.empty()

    def renumber(self, columns: NDArray[np.int32]) -> None:
        """Replace each column by `columns[column]` after the catalog was compacted."""
        codes = self._state.codes.copy()
        ordinary = codes >= 0
        codes[ordinary] = columns[codes[ordinary]]
        self._state.codes = codes
        self._state.share(self._interner.arrays)

    def _read_variable(self, skeleton: BodySkeleton, body: bytes) -> ExpositionDelta | None:
        """Parse a body that differs only in values of variable lines; None if it does not."""
        tokens = skeleton.value_tokens(body, self._state.value_at)
        values = None if tokens is None else parse_values(tokens)
        if values is None:
            return None
        changed = skeleton.update(values)
        if skeleton.uses > _MAX_SKELETON_USES:
            self._skeleton = BodySkeleton(body, self._interner.strings)
        state = self._state
        codes, values = state.codes[skeleton.variable[changed]], values[changed]
        if state.special:
            ordinary = codes >= 0
            codes, values = codes[ordinary], values[ordinary]
        return ExpositionDelta(
            codes,
            values,
            (),
            complete=False,
            samples=state.samples,
            kept=state.kept,
            duplicates=state.duplicates,
        )

    def _read_changed(self, lines: list[bytes]) -> ExpositionDelta | None:
        """Parse a body in which each line has the same series as before; None if one has not."""
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
        timestamps = state.split_timestamps(changed, tokens)
        values = parse_values(tokens)
        if values is None:
            return None
        codes = state.codes[changed]
        detached: tuple[DetachedSample, ...] = ()
        if state.special:
            try:
                detached = self._detached(codes, values, timestamps)
            except ValueError:
                return None
            ordinary = codes >= 0
            codes, values = codes[ordinary], values[ordinary]
        for index in changed:
            previous[index] = lines[index]
        return ExpositionDelta(
            codes,
            values,
            detached,
            complete=False,
            samples=state.samples,
            kept=state.kept,
            duplicates=state.duplicates,
        )

    def _detached(
        self,
        codes: NDArray[np.int32],
        values: NDArray[np.float64],
        timestamps: Mapping[int, bytes],
    ) -> tuple[DetachedSample, ...]:
        timestamp_ms = GRAMMARS[self._format].timestamp_ms
        honor = self._catalog.honor_timestamps
        times = {at: timestamp_ms(text.decode()) for at, text in timestamps.items()}
        return tuple(
            DetachedSample(int(codes[at]), float(values[at]), times.get(at) if honor else None)
            for at in np.flatnonzero(codes <= DETACHED).tolist()
        )

    def _read_all(
        self,
        body: bytes,
        lines: list[bytes],
        exposition_format: ExpositionFormat,
        is_joined: bool,
    ) -> ExpositionDelta:
        """Parse every line; lines with a prefix from the last body take the fast path."""
        count = count_content_lines(lines, exposition_format)
        families = self._interner.read(lines[:count], exposition_format)
        known = self._known_series()
        full = FullParse(lines, count, exposition_format, families, self._catalog)
        full.read(known if exposition_format is self._format else KnownSeries())
        full.resolve_duplicates()
        delta = full.delta(known, self._seen)
        self._catalog.accept()
        if body:
            self._seen = set()
        else:
            self._remember_series(known.written())
        self._format, self.families, self._state = exposition_format, families, full.state
        self._state.share(self._interner.arrays)
        self._is_joined = is_joined
        self._remember(body, lines, count)
        return delta

    def _known_series(self) -> KnownSeries:
        """Return the series of the last valid body."""
        return KnownSeries.of(self._previous_lines(), self._state, self.families.bounds)

    def _remember_series(self, written: set[bytes]) -> None:
        """Note series that are not new when they return; bounded for targets that churn."""
        self._seen |= written
        if len(self._seen) > 2 * self._state.samples + _MAX_SEEN:
            self._seen = set()

    def _previous_lines(self) -> list[bytes]:
        return self._lines if self._skeleton is None else self._skeleton.lines()

    def _remember(self, body: bytes, lines: list[bytes], count: int) -> None:
        """Store a body for comparison with the next one."""
        state = self._state
        is_plain = not state.timestamped and not (state.codes <= DETACHED).any()
        if is_plain and not self._is_joined:
            self._skeleton, self._lines = BodySkeleton(body, self._interner.strings), []
            return
        shared = iter(self.families.comments)
        kept = [next(shared) if is_comment(line) else line for line in lines[:count]]
        self._skeleton, self._lines = None, kept + lines[count:]
