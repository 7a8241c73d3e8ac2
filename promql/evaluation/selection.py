"""Reads the samples of selectors and aligns them with the steps.

Source: Prometheus documentation, "Querying basics", instant and range vector selectors,
offset and @ modifiers, staleness.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from model.labels import METRIC_NAME
from model.matchers import Matcher, MatchOperator
from model.series import AlignedSeries
from promql.evaluation.blocks import in_blocks, stacks
from promql.evaluation.instant_selection import InstantSelection, interpolated, newest
from promql.kernels.steps import Steps
from promql.running.guard import Guard
from promql.syntax.nodes import VectorSelector
from promql.syntax.uses import UNUSED, SelectorUse
from storage.api.samples import SampleReader, SelectHints

Matchers = tuple[Matcher, ...]


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
        self._kept: dict[tuple[Matchers, int, int, int, bool, bool], list[AlignedSeries]] = {}

    def read(
        self,
        selector: VectorSelector,
        start_ms: int,
        end_ms: int,
        steps: Steps,
        *,
        range_ms: int = 0,
        starts: bool = False,
        is_newest: bool = False,
    ) -> Iterable[AlignedSeries]:
        """Return the series between two times, both ends included, as few large matrices.

        Args:
            selector: the selector.
            start_ms: the first time.
            end_ms: the last time.
            steps: the evaluation times.
            range_ms: the length of the range that is selected at each step.
            starts: include start times, if any are known.
            is_newest: only the newest sample of each series is used.
        """
        matchers = selector.matchers
        if self._repeated and matchers in self._repeated:
            key = (matchers, start_ms, end_ms, steps.count, starts, is_newest)
            kept = self._kept.get(key)
            if kept is None:
                # Without function and grouping: several functions share the samples.
                hints = _hints(UNUSED, steps, range_ms, is_newest)
                slots, found = self._read(matchers, start_ms, end_ms, steps, starts, hints)
                self._guard.keep(slots)
                self._kept[key] = kept = list(found)
            return kept
        use = self._uses.get(id(selector), UNUSED)
        hints = _hints(use, steps, range_ms, is_newest)
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
        align = interpolated if selector.smoothed else newest
        one_name = has_one_name(selector.matchers)
        is_newest = steps.count == 1 and not selector.smoothed
        found = self.read(selector, start_ms, end_ms, steps, starts=starts, is_newest=is_newest)
        for part in found:
            keep_stale = not selector.smoothed
            edges_ms = steps.first_ms, steps.last_ms
            for _, block in in_blocks(part, steps.count, edges_ms, keep_stale=keep_stale):
                self._guard.check()
                yield align(block, steps, lookback_ms, one_name)


def _hints(use: SelectorUse, steps: Steps, range_ms: int, is_newest: bool) -> SelectHints:
    return SelectHints(
        step_ms=steps.step_ms,
        range_ms=range_ms,
        function=use.function,
        grouping=use.grouping,
        by=use.by,
        newest=is_newest,
    )


def has_one_name(matchers: Sequence[Matcher]) -> bool:
    """Return whether the matchers allow only one metric name."""
    return any(
        matcher.name == METRIC_NAME and matcher.operator is MatchOperator.EQUAL
        for matcher in matchers
    )
