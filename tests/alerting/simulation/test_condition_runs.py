import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from alerting.book.lifecycle import INACTIVE, Condition, Lifecycle, RuleTiming, advance
from alerting.simulation.condition_runs import CONDITIONS, is_tracked, walk
from storage.api.alerts import AlertState

DURATIONS = st.sampled_from([0, 500, 1_000, 2_500, 7_000])
TIMINGS = st.builds(RuleTiming, DURATIONS, DURATIONS, DURATIONS, DURATIONS)
RUNS = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 12)), max_size=10)


def stepwise(
    lifecycle: Lifecycle, codes: list[int], times: list[int], timing: RuleTiming
) -> tuple[Lifecycle, list[tuple[int, AlertState, Lifecycle]]]:
    changes = []
    for step, (code, now_ms) in enumerate(zip(codes, times, strict=True)):
        before = lifecycle
        condition = CONDITIONS[code]
        if condition is Condition.MISSING and not is_tracked(before):
            lifecycle = INACTIVE
            continue
        lifecycle = advance(before, condition, timing, now_ms, suppressed=False)
        if lifecycle.state is not before.state:
            changes.append((step, before.state, lifecycle))
    return lifecycle, changes


@given(RUNS, TIMINGS, st.integers(0, 120))
def test_runs_give_the_states_of_single_evaluations_also_in_stretches(
    runs: list[tuple[int, int]], timing: RuleTiming, cut: int
) -> None:
    codes = [code for code, length in runs for _ in range(length)]
    times = [10_000 + 1_000 * step for step in range(len(codes))]
    after, changes = stepwise(INACTIVE, codes, times, timing)
    lifecycle, found = INACTIVE, []
    for part in (slice(0, cut), slice(cut, None)):
        lifecycle, more = walk(
            lifecycle,
            np.array(codes[part], dtype=np.int8),
            np.array(times[part], dtype=np.int64),
            timing,
        )
        offset = part.start
        found += [(offset + each.step, each.before, each.lifecycle) for each in more]
    assert found == changes
    if is_tracked(after) or is_tracked(lifecycle):
        assert lifecycle == after
