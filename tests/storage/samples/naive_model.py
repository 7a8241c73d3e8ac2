"""A model of the store: a dict of dicts, which every store must equal."""

from collections.abc import Sequence

import numpy as np

from model.labels import Labels
from model.series import ABSENT_BITS, STALE_BITS, AlignedSeries, Values

Samples = dict[Labels, dict[int, int]]


class NaiveSource:
    """One source's samples as bits, by label set and time."""

    def __init__(self, labels: Labels) -> None:
        self.labels = labels
        self.samples: Samples = {}
        self.series: tuple[Labels, ...] = ()
        self.state: dict[int, int] = {}

    def append(
        self,
        time_ms: int,
        series: Sequence[Labels],
        columns: Sequence[int] | None,
        values: Values,
    ) -> None:
        new = tuple(series)
        if new[: len(self.series)] != self.series:
            self.state = {}
        self.series = new
        places = range(len(new)) if columns is None else columns
        for column, bits in zip(places, values.view(np.uint64).tolist(), strict=True):
            self.state[column] = bits
        for column, bits in list(self.state.items()):
            if bits != ABSENT_BITS:
                labels = self.labels.overlaid(new[column])
                self.samples.setdefault(labels, {})[time_ms] = bits
            if bits == STALE_BITS:
                self.state[column] = ABSENT_BITS

    def amend(
        self, time_ms: int, series: Sequence[Labels], columns: Sequence[int], values: Values
    ) -> None:
        """Merge values into the last vector, which has this time."""
        self.series = tuple(series)
        for column, bits in zip(columns, values.view(np.uint64).tolist(), strict=True):
            self.state[column] = ABSENT_BITS if bits == STALE_BITS else bits
            samples = self.samples.setdefault(self.labels.overlaid(self.series[column]), {})
            samples.pop(time_ms, None)
            if bits != ABSENT_BITS:
                samples[time_ms] = bits
        self.samples = {labels: samples for labels, samples in self.samples.items() if samples}


def samples_of(parts: Sequence[AlignedSeries]) -> Samples:
    """Return the samples of a select as a dict; each label set must occur once."""
    result: Samples = {}
    for part in parts:
        assert part.values.shape == (len(part.labels), part.times_ms.shape[1])
        bits = part.values.view(np.uint64)
        for place, labels in enumerate(part.labels):
            assert labels not in result
            there = np.flatnonzero(bits[place] != ABSENT_BITS)
            times = part.times_ms[part.rows[place], there].tolist()
            assert times == sorted(set(times))
            result[labels] = dict(zip(times, bits[place, there].tolist(), strict=True))
    return result


def clipped(samples: Samples, start_ms: int, end_ms: int) -> Samples:
    """Return the samples in a range, series without any left out."""
    inside = {
        labels: {time: bits for time, bits in by_time.items() if start_ms <= time <= end_ms}
        for labels, by_time in samples.items()
    }
    return {labels: by_time for labels, by_time in inside.items() if by_time}
