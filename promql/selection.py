"""Reads selectors from the store and aligns what comes back with the steps.

Source: Prometheus documentation, "Querying basics", instant and range vector selectors,
offset and @ modifiers, staleness.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.labels import METRIC_NAME
from model.matchers import Matcher, MatchOperator
from model.series import AlignedSeries, is_stale
from promql.guard import Guard
from promql.nodes import VectorSelector
from promql.samples import Samples, stacks, without_gaps
from promql.vectors import Floats, Mask, Steps, Vector, any_step, concatenated
from storage.api.samples import SampleReader

_Key = tuple[tuple[Matcher, ...], int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """What an instant selector sees: a vector and when its samples were taken (seconds)."""

    vector: Vector
    times_s: Floats


class Selection:
    """Reads for one query; the same selector over the same time is read once."""

    def __init__(self, reader: SampleReader, guard: Guard) -> None:
        self._reader = reader
        self._guard = guard
        self._read: dict[_Key, list[AlignedSeries]] = {}

    def read(
        self, matchers: tuple[Matcher, ...], start_ms: int, end_ms: int
    ) -> list[AlignedSeries]:
        """Return the series between two times, both ends included, few matrices for many."""
        key = (matchers, start_ms, end_ms)
        found = self._read.get(key)
        if found is None:
            with self._guard.scope():
                parts = self._reader.select(matchers, start_ms, end_ms, self._guard)
            found = self._read[key] = stacks([part for part in parts if part.labels])
            slots = sum(part.sample_slots for part in found)
            self._guard.samples += slots
            self._guard.hold(slots)
        self._guard.check()
        return found

    def samples(self, selector: VectorSelector, start_ms: int, end_ms: int) -> list[Samples]:
        """Return what a range selector sees between two times, the start left out."""
        parts = self.read(selector.matchers, start_ms + 1, end_ms)
        return [without_gaps(part, keep_stale=False) for part in parts]

    def instant(self, selector: VectorSelector, steps: Steps, lookback_ms: int) -> Sighting:
        """Return the newest sample not older than the lookback at each step."""
        parts = self.read(selector.matchers, steps.first_ms - lookback_ms + 1, steps.last_ms)
        seen = [_newest(without_gaps(part, keep_stale=True), steps, lookback_ms) for part in parts]
        return _sighting(seen, selector.matchers, steps)

    def smoothed(self, selector: VectorSelector, steps: Steps, lookback_ms: int) -> Sighting:
        """Return the values between the samples around each step, on a straight line."""
        start_ms = steps.first_ms - lookback_ms + 1
        parts = self.read(selector.matchers, start_ms, steps.last_ms + lookback_ms)
        seen = [
            _interpolated(without_gaps(part, keep_stale=False), steps, lookback_ms)
            for part in parts
        ]
        return _sighting(seen, selector.matchers, steps)


_Seen = tuple[Samples, Floats, Mask, NDArray[np.int64]]


def _sighting(seen: Sequence[_Seen], matchers: Sequence[Matcher], steps: Steps) -> Sighting:
    one_name = has_one_name(matchers)
    vectors = [Vector(each.labels, values, present) for each, values, present, _ in seen]
    vector = concatenated(vectors, steps.count)
    times = [
        np.broadcast_to(samples.expand(times), values.shape)
        for samples, values, _, times in seen
        if len(samples)
    ]
    joined = np.concatenate(times) / 1000 if times else np.empty(vector.values.shape)
    whole = Vector(vector.labels, vector.values, vector.present, None, one_name)
    if whole.present.all():
        return Sighting(whole, joined)
    rows = any_step(whole.present)
    return Sighting(whole.take(rows), joined[rows])


def has_one_name(matchers: Sequence[Matcher]) -> bool:
    """Tell whether all series that match have the same metric name."""
    return any(
        matcher.name == METRIC_NAME and matcher.operator is MatchOperator.EQUAL
        for matcher in matchers
    )


def _newest(samples: Samples, steps: Steps, lookback_ms: int) -> _Seen:
    columns = samples.counts(steps.times_ms) - 1
    inside = np.maximum(columns, 0)
    times = samples.pick_times(inside)
    fresh = (columns >= 0) & (times > steps.times_ms - lookback_ms)
    values = samples.pick(inside)
    present = np.array(np.broadcast_to(samples.expand(fresh), values.shape))
    nan = np.isnan(values)
    if nan.any():
        present &= ~is_stale(values)
    return samples, values, present, times


def _interpolated(samples: Samples, steps: Steps, lookback_ms: int) -> _Seen:
    after = samples.counts(steps.times_ms)
    before = np.maximum(after - 1, 0)
    width = samples.values.shape[1]
    following = np.minimum(after, width - 1)
    times, next_times = samples.pick_times(before), samples.pick_times(following)
    now = steps.times_ms
    fresh = (after > 0) & (times > now - lookback_ms)
    between = fresh & (times < now) & (after < width) & (next_times <= now + lookback_ms)
    span = np.where(between, next_times - times, 1)
    share = np.where(between, (now - times) / span, 0.0)
    values, next_values = samples.pick(before), samples.pick(following)
    line = values + (next_values - values) * samples.expand(share)
    values = np.where(samples.expand(between), line, values)
    present = np.array(np.broadcast_to(samples.expand(fresh), values.shape))
    return samples, values, present, np.broadcast_to(now, times.shape)
