"""Takes an alert through many evaluations at once, by runs of the same condition.

Stepping through a month of evaluations one by one takes minutes; a condition seldom changes.
Within a run of one condition, the state changes only when one of the waiting times is over.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alerting.book.lifecycle import INACTIVE, Condition, Lifecycle, RuleTiming, advance
from storage.api.alerts import AlertState

CONDITIONS = (Condition.HOLDS, Condition.LINGERS, Condition.CLEAR, Condition.MISSING)
"""The codes of conditions in arrays are their places here."""
HOLDS, LINGERS, CLEAR, MISSING = range(4)


@dataclass(frozen=True, slots=True)
class StateChange:
    """A change of an alert's state: the place of its evaluation, and the lifecycle after it."""

    step: int
    before: AlertState
    lifecycle: Lifecycle


def walk(
    lifecycle: Lifecycle,
    codes: NDArray[np.int8],
    times_ms: NDArray[np.int64],
    timing: RuleTiming,
) -> tuple[Lifecycle, list[StateChange]]:
    """Return the lifecycle after all evaluations, and its changes of state.

    Args:
        lifecycle: before the first evaluation.
        codes: shape (S,), the condition that each evaluation finds.
        times_ms: shape (S,), the times of the evaluations, ascending.
        timing: the waiting times of the rule.
    """
    changes = []
    starts = np.concatenate([[0], np.flatnonzero(np.diff(codes)) + 1]) if len(codes) else codes
    for place, start in enumerate(starts.tolist()):
        end = int(starts[place + 1]) if place + 1 < len(starts) else len(codes)
        condition = CONDITIONS[codes[start]]
        step = start
        while step < end:
            if condition is Condition.MISSING and not is_tracked(lifecycle):
                # Only an open alert misses its data.
                lifecycle = INACTIVE
                break
            before = lifecycle
            lifecycle = advance(before, condition, timing, int(times_ms[step]), suppressed=False)
            if lifecycle.state is not before.state:
                changes.append(StateChange(step, before.state, lifecycle))
            step = max(step + 1, _next_step(lifecycle, before, timing, times_ms))
    return lifecycle, changes


def is_tracked(lifecycle: Lifecycle) -> bool:
    """Return whether the book keeps an alert with this lifecycle."""
    over = lifecycle.state in (AlertState.INACTIVE, AlertState.RESOLVED)
    return not over or lifecycle.missing_ms is not None


def _next_step(
    lifecycle: Lifecycle,
    before: Lifecycle,
    timing: RuleTiming,
    times_ms: NDArray[np.int64],
) -> int:
    """Return the next evaluation of the same condition that may change something."""
    if lifecycle != before:
        # What it changed may change again at the next one: RESOLVED becomes INACTIVE.
        return 0
    ends = list(_ends_ms(lifecycle, timing))
    return int(np.searchsorted(times_ms, min(ends))) if ends else len(times_ms)


def _ends_ms(lifecycle: Lifecycle, timing: RuleTiming) -> Iterator[int]:
    """Yield the ends of the waiting times that run."""
    if lifecycle.state is AlertState.PENDING:
        yield lifecycle.active_ms + timing.for_ms
    if lifecycle.recovered_ms is not None:
        yield lifecycle.recovered_ms + timing.keep_firing_for_ms
    if lifecycle.missing_ms is None:
        return
    if lifecycle.state is not AlertState.NO_DATA:
        yield lifecycle.missing_ms + timing.no_data_for_ms
    elif lifecycle.fired_ms is not None:
        yield lifecycle.missing_ms + timing.no_data_limit_ms
