"""Reads the samples of selectors and aligns them with the steps.

Source: Prometheus documentation, "Querying basics", instant and range vector selectors,
offset and @ modifiers, staleness.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from model.labels import METRIC_NAME
from model.matchers import Matcher, MatchOperator
from model.series import AlignedSeries, Times, is_stale
from promql.evaluation.blocks import in_blocks, stacks
from promql.kernels.arrays import Floats, Indices, Mask
from promql.kernels.samples import GaplessSamples
from promql.kernels.step_matrix import StepMatrix, any_step, concatenated
from promql.kernels.steps import Steps
from promql.running.guard import Guard
from promql.syntax.nodes import VectorSelector
from promql.syntax.uses import UNUSED, SelectorUse
from storage.api.samples import SampleReader, SelectHints

Matchers = tuple[Matcher, ...]


@dataclass(frozen=True, slots=True, eq=False)
class InstantSelection:
    """The samples that an instant selector selects.

    Attributes:
        vector: the newest sample of each series at each step.
        times_ms: shape (G, S), the times of these samples.
        rows: shape (N,), the row of each series in `times_ms`.
        starts_s: shape (N, S), their start times, 0 if unknown; None if all are unknown.
    """

    vector: StepMatrix
    times_ms: Times
    rows: Indices
    starts_s: Floats | None = None

    @property
    def times_s(self) -> Floats:
        """The time of each sample: shape (N, S); computed on demand."""
        times: Floats = self.times_ms[self.rows] / 1000
        return times

    @property
    def started_s(self) -> Floats:
        """`starts_s`, as zeros if it is None."""
        shape = self.vector.values.shape
        return np.zeros(shape) if self.starts_s is None else self.starts_s


class Selection:
    """Reads samples for one query.

    Args:
        reader: the store.
        guard: the query's limits.
        repeated: the matchers of selectors that occur more than once; their samples are
            read once and kept until the query ends.
        uses: the uses of selectors, by the id of the selector's node.
    """

    def __init__(
        self,
        reader: SampleReader,
        guard: Guard,
        repeated: frozenset[Matchers] = frozenset(),
        uses: Mapping[int, SelectorUse] = MappingProxyType({}),
    ) -> None:
        self._reader = reader
        self._guard = guard
        self._repeated = repeated
        self._uses = uses
        self._kept: dict[tuple[Matchers, int, int, int, bool], list[AlignedSeries]] = {}

    def read(
        self,
        selector: VectorSelector,
        start_ms: int,
        end_ms: int,
        steps: Steps,
        *,
        range_ms: int = 0,
        starts: bool = False,
    ) -> Iterable[AlignedSeries]:
        """Return the series between two times, both ends included, as few large matrices.

        Args:
            selector: the selector.
            start_ms: the first time.
            end_ms: the last time.
            steps: the evaluation times.
            range_ms: the length of the range that is selected at each step.
            starts: include start times, if any are known.
        """
        matchers = selector.matchers
        if self._repeated and matchers in self._repeated:
            key = (matchers, start_ms, end_ms, steps.count, starts)
            kept = self._kept.get(key)
            if kept is None:
                # Without function and grouping: several functions share the samples.
                hints = _hints(UNUSED, steps, range_ms)
                slots, found = self._read(matchers, start_ms, end_ms, steps, starts, hints)
                self._guard.keep(slots)
                self._kept[key] = kept = list(found)
            return kept
        hints = _hints(self._uses.get(id(selector), UNUSED), steps, range_ms)
        slots, found = self._read(matchers, start_ms, end_ms, steps, starts, hints)
        self._guard.hold(slots)
        return found

    def _read(
        self,
        matchers: Matchers,
        start_ms: int,
        end_ms: int,
        steps: Steps,
        starts: bool,
        hints: SelectHints,
    ) -> tuple[int, Iterator[AlignedSeries]]:
        """Return the number of sample slots, and the series."""
        with self._guard.memory_scope():
            parts = self._reader.select(
                matchers, start_ms, end_ms, self._guard, starts=starts, hints=hints
            )
        self._guard.check()
        slots = sum(part.sample_slots for part in parts)
        self._guard.samples += slots
        return slots, stacks([part for part in parts if part.labels], steps.count)

    def instant_blocks(
        self, selector: VectorSelector, steps: Steps, lookback_ms: int, *, starts: bool = False
    ) -> Iterator[InstantSelection]:
        """Yield the samples of an instant selector in blocks of series.

        At each step, that is the newest sample within the lookback. A smoothed selector
        interpolates between the samples on either side.
        """
        start_ms, end_ms = steps.first_ms - lookback_ms + 1, steps.last_ms
        if selector.smoothed:
            end_ms += lookback_ms
        align = _interpolated if selector.smoothed else _newest
        one_name = has_one_name(selector.matchers)
        for part in self.read(selector, start_ms, end_ms, steps, starts=starts):
            keep_stale = not selector.smoothed
            edges_ms = steps.first_ms, steps.last_ms
            for _, block in in_blocks(part, steps.count, edges_ms, keep_stale=keep_stale):
                self._guard.check()
                yield align(block, steps, lookback_ms, one_name)


def _hints(use: SelectorUse, steps: Steps, range_ms: int) -> SelectHints:
    return SelectHints(
        step_ms=steps.step_ms,
        range_ms=range_ms,
        function=use.function,
        grouping=use.grouping,
        by=use.by,
    )


def joined(blocks: Iterable[InstantSelection], steps: int) -> InstantSelection:
    """Join blocks of series into one selection."""
    found = list(blocks)
    if len(found) == 1:
        return found[0]
    vector = concatenated([each.vector for each in found], steps)
    if not found:
        nothing = np.empty(0, dtype=np.intp)
        return InstantSelection(vector, np.empty((0, steps), dtype=np.int64), nothing)
    starts = None
    if any(each.starts_s is not None for each in found):
        starts = np.concatenate([each.started_s for each in found])
    times = np.concatenate([each.times_ms[each.rows] for each in found])
    return InstantSelection(vector, times, np.arange(len(times)), starts)


def _present_series(
    samples: GaplessSamples,
    values: Floats,
    present: Mask,
    times_ms: Times,
    one_name: bool,
    starts: Floats | None = None,
) -> InstantSelection:
    """Return a selection of the series that are present at any step."""
    vector = StepMatrix(samples.labels, values, present, None, one_name)
    # Times of shape (1, S) are shared by all series.
    own = samples.rows if len(times_ms) > 1 else np.zeros_like(samples.rows)
    if present.all():
        return InstantSelection(vector, times_ms, own, starts)
    rows = any_step(present)
    starts = None if starts is None else starts[rows]
    return InstantSelection(vector.take(rows), times_ms, own[rows], starts)


def has_one_name(matchers: Sequence[Matcher]) -> bool:
    """Return whether the matchers allow only one metric name."""
    return any(
        matcher.name == METRIC_NAME and matcher.operator is MatchOperator.EQUAL
        for matcher in matchers
    )


def _newest(
    samples: GaplessSamples, steps: Steps, lookback_ms: int, one_name: bool
) -> InstantSelection:
    columns = samples.counts(steps.times_ms) - 1
    inside = np.maximum(columns, 0)
    times = samples.pick_times(inside)
    fresh = (columns >= 0) & (times > steps.times_ms - lookback_ms)
    values = samples.pick(inside)
    present = np.array(np.broadcast_to(samples.expand(fresh), values.shape))
    nan = np.isnan(values)
    if nan.any():
        present &= ~is_stale(values)
    starts = None if samples.starts_ms is None else samples.pick_starts(inside) / 1000
    return _present_series(samples, values, present, times, one_name, starts)


def _interpolated(
    samples: GaplessSamples, steps: Steps, lookback_ms: int, one_name: bool
) -> InstantSelection:
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
    return _present_series(samples, values, present, np.broadcast_to(now, times.shape), one_name)
