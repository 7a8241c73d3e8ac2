"""Parses histories: OpenMetrics text of any length in which every sample has a timestamp.

The text is read block by block, so years of samples take only the memory of their
series. Samples may be in any order: by time, or series by series.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from model.labels import Labels
from model.metadata import MetricMetadata
from scraper.exposition.errors import ExpositionError
from scraper.exposition.families import described, read_comment
from scraper.exposition.formats import ExpositionFormat
from scraper.exposition.grammar import BOUND_LABELS, GRAMMARS, MAX_LINE_BYTES
from scraper.exposition.lines import EOF_LINE, is_comment
from scraper.exposition.numbers import parse_values

_GRAMMAR = GRAMMARS[ExpositionFormat.OPENMETRICS]
_BLOCK_BYTES = 2**20
# Lines with equal prefixes have the same series, and most timestamps occur on many lines.
# Both caches are emptied at these sizes.
_MAX_PREFIXES = 2_000_000
_MAX_TIMES = 500_000
_UNKNOWN = -1
_MAX_TIME_MS = 2**52 * 1000
"""The grammar clamps timestamps to this."""

_Sample = tuple[int, int, float]
"""Series number, time in milliseconds, value."""


@dataclass(frozen=True, slots=True, eq=False)
class HistoryBatch:
    """Some samples of a history, in its order.

    Attributes:
        series: shape (N,), uint32, the series number of each sample.
        times_ms: shape (N,), int64, Unix milliseconds.
        values: shape (N,), float64.
    """

    series: NDArray[np.uint32]
    times_ms: NDArray[np.int64]
    values: NDArray[np.float64]


def read_history(stream: BinaryIO, number_of: Callable[[Labels], int]) -> Iterator[HistoryBatch]:
    """Yield the samples of a text that ends with `# EOF`.

    Args:
        stream: the text.
        number_of: returns the number of a label set; called a few times at most for each.

    Raises:
        ExpositionError: a line is malformed or has no timestamp, or `# EOF` is missing.
    """
    reader = _HistoryReader(number_of)
    line, ended = 1, False
    for lines in _blocks(stream):
        if ended:
            raise ExpositionError(line, 'content after "# EOF"')
        ended = lines[-1] == EOF_LINE
        yield reader.read(lines[:-1] if ended else lines, line)
        line += len(lines)
    if not ended:
        raise ExpositionError(line, 'the data does not end with "# EOF"')


def _blocks(stream: BinaryIO) -> Iterator[list[bytes]]:
    """Yield the lines of each block of the text."""
    rest = b""
    while block := stream.read(_BLOCK_BYTES):
        whole, feed, rest = (rest + block).rpartition(b"\n")
        if feed:
            yield whole.split(b"\n")
        elif len(rest) > MAX_LINE_BYTES:
            # The grammar rejects a line of this length, whatever follows.
            break
    if rest:
        yield [rest]


_NO_SAMPLES = HistoryBatch(np.empty(0, np.uint32), np.empty(0, np.int64), np.empty(0))


class _HistoryReader:
    """Parses lines: known prefixes take a fast path, all other lines the strict grammar."""

    def __init__(self, number_of: Callable[[Labels], int]) -> None:
        self._number_of = number_of
        self._series_by_prefix: dict[bytes, int] = {}
        self._times_ms: dict[bytes, int] = {}
        # The label whose value is made canonical.
        self._bound: str | None = None

    def read(self, lines: Sequence[bytes], first_line: int) -> HistoryBatch:
        """Return the samples of a block whose first line has the number `first_line`.

        Raises:
            ExpositionError: a line is malformed or has no timestamp.
        """
        bound = self._bound
        try:
            return self._read(lines, first_line)
        except ExpositionError:
            # Values on the fast path are parsed last: find the first malformed line.
            self._bound = bound
            for index in range(len(lines)):
                self._read_strictly(lines, index, first_line, {})
            raise

    def _read(self, lines: Sequence[bytes], first_line: int) -> HistoryBatch:
        """Return the samples of a block; errors name a malformed line, not always the first."""
        bound = self._bound
        parts = [line.rsplit(b" ", 2) for line in lines]
        prefixes = self._series_by_prefix
        series = [prefixes.get(part[0], _UNKNOWN) for part in parts]
        strict: dict[int, _Sample] = {}
        if _UNKNOWN in series:
            for index, number in enumerate(series):
                if number != _UNKNOWN:
                    continue
                # An earlier line of this block may have made the prefix known.
                series[index] = prefixes.get(parts[index][0], _UNKNOWN)
                if series[index] != _UNKNOWN:
                    continue
                if self._read_strictly(lines, index, first_line, strict):
                    rest = len(series) - index - 1
                    series[index + 1 :] = [_UNKNOWN] * rest
        known = [index for index, number in enumerate(series) if number != _UNKNOWN]
        batch = self._read_known([series[index] for index in known], [parts[i] for i in known])
        if batch is None:
            # Some line is malformed, or in a form that only the strict grammar parses.
            self._bound = bound
            strict.clear()
            self._series_by_prefix.clear()
            for index in range(len(lines)):
                self._read_strictly(lines, index, first_line, strict)
            known, batch = [], _NO_SAMPLES
        return _with_samples(batch, known, strict) if strict else batch

    def _read_known(
        self, series: Sequence[int], parts: Sequence[Sequence[bytes]]
    ) -> HistoryBatch | None:
        """Parse lines split into prefix, value and timestamp; None if one has another form."""
        try:
            values = parse_values([part[1] for part in parts])
            times = [self._times_ms.get(part[2]) for part in parts]
            if None in times:
                times = [self._time_ms(part[2]) for part in parts]
        except (IndexError, ValueError):
            return None
        if values is None:
            return None
        return HistoryBatch(np.array(series, np.uint32), np.array(times, np.int64), values)

    def _time_ms(self, text: bytes) -> int:
        known = self._times_ms.get(text)
        if known is None:
            if len(self._times_ms) >= _MAX_TIMES:
                self._times_ms.clear()
            known = _GRAMMAR.timestamp_ms(text.decode())
            if abs(known) >= _MAX_TIME_MS:
                raise ValueError("the timestamp is out of range")
            self._times_ms[text] = known
        return known

    def _read_strictly(
        self, lines: Sequence[bytes], index: int, first_line: int, found: dict[int, _Sample]
    ) -> bool:
        """Parse one line, add its sample to `found` and remember its prefix.

        Returns:
            Whether the line changed a metric type, which makes known prefixes invalid.
        """
        line, number = lines[index], first_line + index
        if is_comment(line):
            return self._read_comment(line, number)
        sample = _GRAMMAR.sample(line, number, self._bound)
        if sample.timestamp_ms is None:
            raise ExpositionError(number, "the sample has no timestamp")
        if abs(sample.timestamp_ms) >= _MAX_TIME_MS:
            raise ExpositionError(number, "the timestamp is out of range")
        series = self._number_of(Labels.of(sample.pairs))
        found[index] = series, sample.timestamp_ms, sample.value
        if sample.value_at:
            if len(self._series_by_prefix) >= _MAX_PREFIXES:
                self._series_by_prefix.clear()
            self._series_by_prefix[line[: sample.value_at - 1]] = series
        return False

    def _read_comment(self, line: bytes, number: int) -> bool:
        comment = read_comment(line, number, ExpositionFormat.OPENMETRICS)
        if comment is None:
            return False
        described(MetricMetadata(), comment, number, ExpositionFormat.OPENMETRICS)
        before = self._bound
        if comment.keyword == "TYPE":
            self._bound = BOUND_LABELS.get(comment.text)
        if self._bound == before:
            return False
        # The same text has another series from here on.
        self._series_by_prefix.clear()
        return True


def _with_samples(
    batch: HistoryBatch, known: Sequence[int], samples: Mapping[int, _Sample]
) -> HistoryBatch:
    """Return the samples of a batch and `samples`, in the order of their lines.

    Args:
        batch: samples parsed on the fast path.
        known: the line index of each sample in `batch`.
        samples: further samples by line index.
    """
    series, times, values = zip(*samples.values(), strict=True)
    order = np.argsort([*known, *samples])
    return HistoryBatch(
        np.concatenate([batch.series, np.array(series, np.uint32)])[order],
        np.concatenate([batch.times_ms, np.array(times, np.int64)])[order],
        np.concatenate([batch.values, np.array(values, np.float64)])[order],
    )
