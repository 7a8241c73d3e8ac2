"""Histories: OpenMetrics text in which every sample has its timestamp, of any length.

It is read block by block, so that years of samples take the memory of their series.
Samples may stand in any order: by time, or series by series.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from model.labels import Labels
from scraper.exposition.errors import ExpositionError
from scraper.exposition.families import is_comment, read_families
from scraper.exposition.grammar import GRAMMARS, MAX_LINE_BYTES, ExpositionFormat
from scraper.exposition.readings import numbers

_GRAMMAR = GRAMMARS[ExpositionFormat.OPENMETRICS]
_EOF = b"# EOF"
_BLOCK_BYTES = 2**20
# Lines that begin alike have the same series, and most timestamps stand on many lines;
# beyond this many of either the oldest are looked up anew.
_KNOWN_HEADS = 2_000_000
_KNOWN_STAMPS = 500_000
_UNKNOWN = -1

_Sample = tuple[int, int, float]
"""Series, time in milliseconds, value."""


@dataclass(frozen=True, slots=True, eq=False)
class SampleBatch:
    """Some samples of a history, in its order.

    Attributes:
        series: shape (N,), uint32, the number of each sample's series.
        times_ms: shape (N,), int64, Unix milliseconds.
        values: shape (N,), float64.
    """

    series: NDArray[np.uint32]
    times_ms: NDArray[np.int64]
    values: NDArray[np.float64]


def read_history(stream: BinaryIO, number_of: Callable[[Labels], int]) -> Iterator[SampleBatch]:
    """Yield the samples of a text that ends with `# EOF`.

    Args:
        stream: the text.
        number_of: gives a label set's number; asked once or a few times for each.

    Raises:
        ExpositionError: a line is malformed or has no timestamp, or the end is missing.
    """
    reader = _HistoryReader(number_of)
    line, ended = 1, False
    for lines in _lines(stream):
        if ended:
            raise ExpositionError(line, 'content after "# EOF"')
        ended = lines[-1] == _EOF
        yield reader.read(lines[:-1] if ended else lines, line)
        line += len(lines)
    if not ended:
        raise ExpositionError(line, 'the data does not end with "# EOF"')


def _lines(stream: BinaryIO) -> Iterator[list[bytes]]:
    """Yield the text's lines, many at a time."""
    rest = b""
    while block := stream.read(_BLOCK_BYTES):
        whole, feed, rest = (rest + block).rpartition(b"\n")
        if feed:
            yield whole.split(b"\n")
        elif len(rest) > MAX_LINE_BYTES:
            # Refused by the grammar; what it has not seen of the line would not save it.
            break
    if rest:
        yield [rest]


_NOTHING = SampleBatch(np.empty(0, np.uint32), np.empty(0, np.int64), np.empty(0))


class _HistoryReader:
    """Reads lines by their beginnings where they are known, else strictly."""

    def __init__(self, number_of: Callable[[Labels], int]) -> None:
        self._number_of = number_of
        self._heads: dict[bytes, int] = {}
        self._stamps: dict[bytes, int] = {}
        self._types: dict[str, str] = {}

    def read(self, lines: Sequence[bytes], first_line: int) -> SampleBatch:
        """Return the samples of some lines, the first of which has the number given.

        Raises:
            ExpositionError: a line is malformed or has no timestamp.
        """
        parts = [line.rsplit(b" ", 2) for line in lines]
        heads = self._heads
        series = [heads.get(part[0], _UNKNOWN) for part in parts]
        strictly: dict[int, _Sample] = {}
        if _UNKNOWN in series:
            for index, number in enumerate(series):
                # A line before it in this block may have made it known.
                if number == _UNKNOWN:
                    series[index] = heads.get(parts[index][0], _UNKNOWN)
                    if series[index] == _UNKNOWN:
                        self._read_strictly(lines, index, first_line, strictly)
        known = [index for index, number in enumerate(series) if number != _UNKNOWN]
        batch = self._read_known([series[index] for index in known], [parts[i] for i in known])
        if batch is None:
            # A malformed line, or a form that only the strict grammar tells apart.
            for index in known:
                self._read_strictly(lines, index, first_line, strictly)
            known, batch = [], _NOTHING
        return _with_samples(batch, known, strictly) if strictly else batch

    def _read_known(
        self, series: Sequence[int], parts: Sequence[Sequence[bytes]]
    ) -> SampleBatch | None:
        """Read lines cut in beginning, value and timestamp; None if one is not of this form."""
        try:
            values = numbers([part[1] for part in parts])
            times = [self._stamps.get(part[2]) for part in parts]
            if None in times:
                times = [self._time_ms(part[2]) for part in parts]
        except (IndexError, ValueError):
            return None
        if values is None:
            return None
        return SampleBatch(np.array(series, np.uint32), np.array(times, np.int64), values)

    def _time_ms(self, stamp: bytes) -> int:
        known = self._stamps.get(stamp)
        if known is None:
            if len(self._stamps) >= _KNOWN_STAMPS:
                self._stamps.clear()
            known = self._stamps[stamp] = _GRAMMAR.timestamp_ms(stamp.decode())
        return known

    def _read_strictly(
        self, lines: Sequence[bytes], index: int, first_line: int, found: dict[int, _Sample]
    ) -> None:
        """Put the sample of a line into `found` and remember how the line begins."""
        line, number = lines[index], first_line + index
        if is_comment(line):
            self._read_comment(line, number)
            return
        sample = _GRAMMAR.sample(line, number, self._types)
        if sample.timestamp_ms is None:
            raise ExpositionError(number, "the sample has no timestamp")
        series = self._number_of(Labels.of(sample.pairs))
        found[index] = series, sample.timestamp_ms, sample.value
        if sample.value_at:
            if len(self._heads) >= _KNOWN_HEADS:
                self._heads.clear()
            self._heads[line[: sample.value_at - 1]] = series

    def _read_comment(self, line: bytes, number: int) -> None:
        try:
            types = read_families([line], ExpositionFormat.OPENMETRICS).types
        except ExpositionError as exc:
            raise ExpositionError(number, exc.reason) from None
        if not types.items() <= self._types.items():
            # Bounds are read in another way from here on.
            self._types.update(types)
            self._heads.clear()


def _with_samples(
    batch: SampleBatch, known: Sequence[int], samples: Mapping[int, _Sample]
) -> SampleBatch:
    """Return a batch with single samples put in between, by their lines' places."""
    series, times, values = zip(*samples.values(), strict=True)
    order = np.argsort([*known, *samples])
    return SampleBatch(
        np.concatenate([batch.series, np.array(series, np.uint32)])[order],
        np.concatenate([batch.times_ms, np.array(times, np.int64)])[order],
        np.concatenate([batch.values, np.array(values, np.float64)])[order],
    )
