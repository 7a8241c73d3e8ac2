from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from analytics.statistics.funnel import FunnelPaths, ordered_paths
from storage.api.events import Occurrences

Row = tuple[int, int, int]
"""Person, time and step bits of an event."""


def occurrences(rows: Sequence[Row]) -> Occurrences:
    ordered = sorted(rows, key=lambda row: row[:2])
    persons, times, bits = zip(*ordered, strict=True) if ordered else ((), (), ())
    return Occurrences(
        np.array(persons, np.uint64), np.array(times, np.int64), np.array(bits, np.uint64)
    )


def reached(rows: Sequence[Row], steps: int, window_ms: int = 1000) -> list[int]:
    return [
        int(count) for count in ordered_paths(occurrences(rows), steps, window_ms).reached(steps)
    ]


def test_a_step_taken_twice_at_one_time_counts_once() -> None:
    # PostHog #25048.
    assert reached([(1, 0, 1), (1, 0, 1), (1, 5, 2), (1, 5, 2), (1, 9, 4)], 3) == [1, 1, 1]


def test_one_event_satisfies_one_step() -> None:
    # ClickHouse #21835.
    assert reached([(1, 0, 3)], 2) == [1, 0]
    assert reached([(1, 0, 3), (1, 0, 3)], 2) == [1, 1]


def test_equal_times_count_as_ordered_by_arrival() -> None:
    # rybbit #1133, OpenPanel #442.
    assert reached([(1, 0, 1), (1, 0, 2)], 2) == [1, 1]
    assert reached([(1, 0, 2), (1, 0, 1)], 2) == [1, 0]


def test_time_to_convert_is_never_negative_with_identical_steps() -> None:
    # PostHog #5116.
    paths = ordered_paths(occurrences([(1, 0, 3), (1, 7, 3), (1, 9, 3)]), 2, 1000)
    assert paths.times_ms.tolist() == [[0, 7]]


def test_an_open_window_is_not_a_loss() -> None:
    # PostHog #33605, #7645.
    paths = ordered_paths(occurrences([(1, 0, 1), (2, 900, 1), (3, 900, 1), (3, 950, 2)]), 2, 1000)
    assert paths.reached(2).tolist() == [3, 1]
    assert paths.still_open(2, 1000, now_ms=1500).tolist() == [1, 0]


def test_a_later_attempt_that_gets_further_counts() -> None:
    rows = [(1, 0, 1), (1, 2000, 1), (1, 2500, 2)]
    paths = ordered_paths(occurrences(rows), 2, 1000)
    assert paths.times_ms.tolist() == [[2000, 2500]]


def by_hand(rows: Sequence[Row], steps: int, window_ms: int) -> dict[int, int]:
    """Return each person's depth by trying every choice of events."""
    depths: dict[int, int] = {}
    ordered = sorted(rows, key=lambda row: row[:2])

    def furthest(position: int, step: int, latest_ms: int, person: int) -> int:
        if step == steps:
            return step
        return max(
            [step]
            + [
                furthest(later, step + 1, latest_ms, person)
                for later in range(position + 1, len(ordered))
                if ordered[later][0] == person
                and ordered[later][1] <= latest_ms
                and ordered[later][2] >> step & 1
            ]
        )

    for position, (person, time_ms, bits) in enumerate(ordered):
        if bits & 1:
            depth = furthest(position, 1, time_ms + window_ms, person)
            depths[person] = max(depths.get(person, 0), depth)
    return depths


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 12), st.integers(1, 7)), max_size=14),
    st.integers(1, 3),
    st.integers(0, 8),
)
def test_depths_equal_those_of_every_choice_of_events(
    rows: Sequence[Row], steps: int, window_ms: int
) -> None:
    paths = ordered_paths(occurrences(rows), steps, window_ms)
    assert dict(zip(paths.persons.tolist(), paths.depths.tolist(), strict=True)) == by_hand(
        rows, steps, window_ms
    )
    check_times(paths, window_ms)


def check_times(paths: FunnelPaths, window_ms: int) -> None:
    for depth, times in zip(paths.depths.tolist(), paths.times_ms.tolist(), strict=True):
        taken, rest = times[:depth], times[depth:]
        assert taken == sorted(taken)
        assert taken[-1] - taken[0] <= window_ms
        assert set(rest) <= {-1}
