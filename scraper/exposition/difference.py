"""Parse by difference: an exposition is mostly the same text as the one before.

Only lines that differ are read, and of those mostly nothing but the value: a line that
begins as its predecessor did, up to the value, is the same series. Measured on
node_exporter's output (benchmarks/parse.py) this takes a fifth of a microsecond a
sample, a fiftieth of what a full parse takes. Where no line has a timestamp a `template`
halves that.
"""

from collections.abc import Mapping
from itertools import compress
from operator import ne

import numpy as np
from numpy.typing import NDArray

from scraper.exposition.body import Body, KnownSeries, LineState
from scraper.exposition.catalog import DETACHED, Catalog
from scraper.exposition.errors import ExpositionError, LimitError
from scraper.exposition.exposition import content_lines, split_lines
from scraper.exposition.families import Families, FamilyPool, is_comment
from scraper.exposition.grammar import GRAMMARS, ExpositionFormat
from scraper.exposition.readings import DetachedSample, Reading, numbers
from scraper.exposition.template import Template

_ANY_LINES = 500_000
"""As many lines are read whatever the sample limit; metadata takes two a family."""
_RELEARNED = 4096
"""After so many bodies, lines that changed long ago are taken for constant again."""


class DifferenceParser:
    """Reads one target's expositions; a failed call leaves it as it was.

    Attributes:
        families: the metric families of the last good exposition.
    """

    def __init__(self, catalog: Catalog, pool: FamilyPool) -> None:
        self.families = Families((), {}, {})
        self._catalog, self._pool = catalog, pool
        self._format = ExpositionFormat.TEXT
        # The last body is kept as a template where that can be, else as lines.
        self._lines: list[bytes] = []
        self._template: Template | None = None
        self._state = LineState.empty()

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
        resembles = exposition_format is self._format and not complete
        if resembles and self._template is not None:
            reading = self._read_loose(self._template, body)
            if reading is not None:
                return reading
        lines = split_lines(body)
        if resembles and self._template is None and len(lines) == len(self._lines):
            reading = self._read_changed(lines)
            if reading is not None:
                return reading
        return self._read_all(body, lines, exposition_format)

    def _check_lines(self, body: bytes) -> None:
        # Seen before any line is: millions of empty ones cost no samples, but gigabytes.
        limit = self._catalog.sample_limit and max(_ANY_LINES, 8 * self._catalog.sample_limit)
        if limit and len(body) > limit and body.count(b"\n") > limit:
            raise LimitError(f"more than {limit} lines")

    def forget(self) -> None:
        """Read the next body from scratch: its series may be named otherwise now."""
        self._lines, self._template = [], None
        self._state = LineState.empty()

    def renumber(self, columns: NDArray[np.int32]) -> None:
        """Replace each column by `columns[column]` after the catalog was compacted."""
        codes = self._state.codes
        ordinary = codes >= 0
        codes[ordinary] = columns[codes[ordinary]]

    def _read_loose(self, template: Template, body: bytes) -> Reading | None:
        """Read a body that differs in nothing but loose lines' values; None if it does."""
        tokens = template.tokens(body, self._state.value_at)
        values = None if tokens is None else numbers(tokens)
        if values is None:
            return None
        changed = template.changes(values)
        if template.uses > _RELEARNED:
            self._template = Template(body, self._pool.pieces)
        state = self._state
        codes, values = state.codes[template.loose[changed]], values[changed]
        if state.special:
            ordinary = codes >= 0
            codes, values = codes[ordinary], values[ordinary]
        return Reading(codes, values, (), complete=False, samples=state.samples, kept=state.kept)

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
        values = numbers(tokens)
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

    def _read_all(
        self, body: bytes, lines: list[bytes], exposition_format: ExpositionFormat
    ) -> Reading:
        """Read every line, by its beginning where the last body had it, else strictly."""
        count = content_lines(lines, exposition_format)
        families = self._pool.read(lines[:count], exposition_format)
        known = KnownSeries.empty()
        if exposition_format is self._format and families.types == self.families.types:
            known = KnownSeries.of(self._previous_lines(), self._state)
        full = Body(lines, count, exposition_format, families.types, self._catalog)
        try:
            full.read(known)
        except ExpositionError:
            if not known:
                raise
            # Of several malformed lines the first is told, whatever was known before.
            full = Body(lines, count, exposition_format, families.types, self._catalog)
            full.read(KnownSeries.empty())
        full.place()
        reading = full.reading()
        self._catalog.accept()
        self._format, self.families, self._state = exposition_format, families, full.state
        self._remember(body, lines, count)
        return reading

    def _previous_lines(self) -> list[bytes]:
        return self._lines if self._template is None else self._template.lines()

    def _remember(self, body: bytes, lines: list[bytes], count: int) -> None:
        """Keep a body for comparison with the next."""
        state = self._state
        if not state.stamped and not (state.codes <= DETACHED).any():
            self._template, self._lines = Template(body, self._pool.pieces), []
            return
        shared = iter(self.families.comments)
        kept = [next(shared) if is_comment(line) else line for line in lines[:count]]
        self._template, self._lines = None, kept + lines[count:]
