"""Counts the samples of a rejected exposition up to its first error.

Source: Prometheus's scrape loop (3.5): a failed scrape reports how far it came.
"""

from collections.abc import Collection
from dataclasses import dataclass, field

from scraper.exposition.catalog import DROPPED, SeriesCatalog
from scraper.exposition.errors import (
    InvalidSeriesError,
    LimitError,
    RejectedCounts,
    RejectedExpositionError,
)
from scraper.exposition.formats import ExpositionFormat
from scraper.exposition.line_state import KnownSeries
from scraper.exposition.lines import is_comment, join_strings, split_lines
from scraper.exposition.parser import read_samples


@dataclass(slots=True)
class Rejection:
    """The samples of a rejected exposition, in order up to its first error.

    Attributes:
        error: the first error.
        samples: samples up to the error, the one with the error included if its line is
            well formed.
        kept: samples left after metric relabelling.
        written: metric names and labels of these, as written.
    """

    error: RejectedExpositionError
    samples: int = 0
    kept: int = 0
    written: set[bytes] = field(default_factory=set)

    @classmethod
    def of(
        cls,
        body: bytes,
        exposition_format: ExpositionFormat,
        catalog: SeriesCatalog,
        error: RejectedExpositionError,
    ) -> "Rejection":
        """Return the rejection of a body for which the fast path found `error`."""
        found = cls(error)
        lines = join_strings(split_lines(body))
        limit = catalog.sample_limit
        catalog.begin()
        try:
            for sample in read_samples(lines, exposition_format, {}):
                found.samples += 1
                if catalog.code(sample) == DROPPED:
                    continue
                found.kept += 1
                found.written.add(sample.written.encode())
                if isinstance(error, LimitError) and limit and len(found.written) > limit:
                    # The rest is counted, not parsed: it may be very long.
                    rest = sum(not is_comment(line) for line in lines) - found.samples
                    found.samples += rest
                    found.kept += rest
                    break
        except RejectedExpositionError as first:
            # Tracebacks would keep the whole body alive in a cycle.
            found.error = first.with_traceback(None)
            first.__context__ = None
            found.samples += isinstance(first, InvalidSeriesError)
        finally:
            catalog.begin()
        return found

    def counts(self, known: KnownSeries, seen: Collection[bytes]) -> RejectedCounts:
        """Return the counts; series in `known` or `seen` are not new."""
        new = sum(text not in seen and text not in known for text in self.written)
        return RejectedCounts(self.samples, self.kept, new)
