from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.errors import ReportError
from analytics.statistics.funnel import (
    Exclusion,
    FunnelPaths,
    FunnelRules,
    ordered_paths,
    strict_paths,
)
from analytics.statistics.unordered_funnel import unordered_paths
from storage.api.events import Occurrences

Row = tuple[int, int, int]
"""Person, time and step bits of an event."""
Chain = tuple[int, ...]
"""Positions of the events of an attempt, in the order of the steps."""
Kernel = Callable[[Occurrences, FunnelRules], FunnelPaths]


def occurrences(rows: Sequence[Row]) -> Occurrences:
    ordered = sorted(rows, key=lambda row: row[:2])
    persons, times, bits = zip(*ordered, strict=True) if ordered else ((), (), ())
    return Occurrences(
        np.array(persons, np.uint64), np.array(times, np.int64), np.array(bits, np.uint64)
    )


def reached(rows: Sequence[Row], steps: int, window_ms: int = 1000) -> list[int]:
    paths = ordered_paths(occurrences(rows), FunnelRules(steps, window_ms))
    return [int(count) for count in paths.reached(steps)]


def test_a_step_taken_twice_at_one_time_counts_once() -> None:
    # PostHog #25048.
    assert reached([(1, 0, 1), (1, 0, 1), (1, 5, 2), (1, 5, 2), (1, 9, 4)], 3) == [1, 1, 1]


@pytest.mark.parametrize("kernel", [ordered_paths, strict_paths, unordered_paths])
def test_one_event_satisfies_one_step(kernel: Kernel) -> None:
    # ClickHouse #21835.
    rules = FunnelRules(2, 1000)
    assert kernel(occurrences([(1, 0, 3)]), rules).depths.tolist() == [1]
    assert kernel(occurrences([(1, 0, 3), (1, 0, 3)]), rules).depths.tolist() == [2]


def test_equal_times_count_as_ordered_by_arrival() -> None:
    # rybbit #1133, OpenPanel #442.
    assert reached([(1, 0, 1), (1, 0, 2)], 2) == [1, 1]
    assert reached([(1, 0, 2), (1, 0, 1)], 2) == [1, 0]


@pytest.mark.parametrize("kernel", [ordered_paths, strict_paths, unordered_paths])
def test_time_to_convert_is_never_negative_with_identical_steps(kernel: Kernel) -> None:
    # PostHog #5116.
    paths = kernel(occurrences([(1, 0, 3), (1, 7, 3), (1, 9, 3)]), FunnelRules(2, 1000))
    assert paths.times_ms.tolist() == [[0, 7]]


def test_an_open_window_is_not_a_loss() -> None:
    # PostHog #33605, #7645.
    rules = FunnelRules(2, 1000)
    paths = ordered_paths(occurrences([(1, 0, 1), (2, 900, 1), (3, 900, 1), (3, 950, 2)]), rules)
    assert paths.reached(2).tolist() == [3, 1]
    assert paths.is_open(rules, now_ms=1500).tolist() == [False, True, False]


def test_a_later_attempt_keeps_a_person_open() -> None:
    rules = FunnelRules(3, 1000)
    events = occurrences([(1, 0, 1), (1, 10, 2), (1, 5000, 1)])
    paths = ordered_paths(events, rules)
    assert paths.depths.tolist() == [2]
    assert paths.is_open(rules, now_ms=5500).tolist() == [True]
    assert paths.is_open(rules, now_ms=6001).tolist() == [False]


def test_persons_who_start_after_the_range_are_not_counted() -> None:
    # PostHog #44204: later steps may follow after the range.
    rules = FunnelRules(2, 1000, starts_before_ms=100)
    events = occurrences([(1, 99, 1), (1, 500, 2), (2, 100, 1), (2, 500, 2)])
    for kernel in (ordered_paths, strict_paths, unordered_paths):
        assert kernel(events, rules).persons.tolist() == [1]


def test_a_later_attempt_that_gets_further_counts() -> None:
    rows = [(1, 0, 1), (1, 2000, 1), (1, 2500, 2)]
    paths = ordered_paths(occurrences(rows), FunnelRules(2, 1000))
    assert paths.times_ms.tolist() == [[2000, 2500]]


def test_an_excluded_event_ends_an_attempt() -> None:
    rules = FunnelRules(3, 1000, exclusions=(Exclusion(3, 2, 3),))
    between_first_and_second = [(1, 0, 1), (1, 1, 8), (1, 2, 2), (1, 3, 4)]
    between_second_and_third = [(2, 0, 1), (2, 1, 2), (2, 2, 8), (2, 3, 4)]
    second_again = [(3, 0, 1), (3, 1, 2), (3, 2, 8), (3, 3, 2), (3, 4, 4)]
    events = occurrences([*between_first_and_second, *between_second_and_third, *second_again])
    assert ordered_paths(events, rules).depths.tolist() == [3, 2, 3]


def test_too_many_overlapping_steps_in_any_order_are_refused() -> None:
    rows = [(1, number, 1 << number | 1 << (number + 1)) for number in range(6)]
    with pytest.raises(ReportError, match="same events"):
        unordered_paths(occurrences(rows), FunnelRules(7, 1000))
    # Equal steps are interchangeable, however many they are.
    same = [(1, number, 127) for number in range(5)]
    assert unordered_paths(occurrences(same), FunnelRules(7, 1000)).depths.tolist() == [5]


def attempts(rows: Sequence[Row], rules: FunnelRules, kind: str) -> list[Chain]:
    """Return every attempt by trying every choice of events."""
    found: list[Chain] = []

    def extend(chain: Chain) -> None:
        found.append(chain)
        if len(chain) == rules.steps:
            return
        for later in range(chain[-1] + 1, len(rows)):
            if kind == "strict" and later != chain[-1] + 1:
                break
            if (
                rows[later][0] == rows[chain[0]][0]
                and rows[later][1] <= rows[chain[0]][1] + rules.window_ms
                and is_step(rows, (*chain, later), rules, kind)
            ):
                extend((*chain, later))

    for position, row in enumerate(rows):
        if row[1] < rules.starts_before_ms and is_step(rows, (position,), rules, kind):
            extend((position,))
    return found


def is_step(rows: Sequence[Row], chain: Chain, rules: FunnelRules, kind: str) -> bool:
    """Return whether the last event of a chain can be its next step."""
    if kind == "any":
        inside = range(chain[0] + 1, chain[-1])
        if any(rows[at][2] >> one.bit & 1 for at in inside for one in rules.exclusions):
            return False
        bits = [rows[position][2] for position in chain]
        return any(
            all(mask >> step & 1 for mask, step in zip(bits, order, strict=True))
            for order in permutations(range(rules.steps), len(chain))
        )
    depth = len(chain)
    if not rows[chain[-1]][2] >> (depth - 1) & 1:
        return False
    for one in rules.exclusions:
        if depth > one.after:
            first, last = chain[one.after - 1], chain[min(one.before, depth) - 1]
            if any(rows[between][2] >> one.bit & 1 for between in range(first + 1, last)):
                return False
    return True


def continues(rows: Sequence[Row], chain: Chain, rules: FunnelRules, kind: str) -> bool:
    """Return whether an event after all others, in time, could still follow an attempt."""
    if len(chain) == rules.steps:
        return False
    own = [position for position, row in enumerate(rows) if row[0] == rows[chain[0]][0]]
    if kind == "strict" and chain[-1] != own[-1]:
        return False
    return all(
        not any(
            rows[between][2] >> one.bit & 1
            for between in range(chain[one.after - 1] + 1, own[-1] + 1)
        )
        for one in rules.exclusions
        if kind == "any" or one.after <= len(chain) < one.before
    )


def compare(paths: FunnelPaths, rows: Sequence[Row], rules: FunnelRules, kind: str) -> None:
    every = attempts(rows, rules, kind)
    expected: dict[int, tuple[list[int], int]] = {}
    for person in {rows[chain[0]][0] for chain in every}:
        own = [chain for chain in every if rows[chain[0]][0] == person]
        depth = max(map(len, own))
        deepest = [chain for chain in own if len(chain) == depth]
        end = min(chain[-1] for chain in deepest)
        start = max(chain[0] for chain in deepest if chain[-1] == end)
        alive = [rows[chain[0]][1] for chain in own if continues(rows, chain, rules, kind)]
        expected[person] = ([depth, start, end], max(alive, default=-1))
    assert paths.persons.tolist() == sorted(expected)
    for index, person in enumerate(paths.persons.tolist()):
        depth = int(paths.depths[index])
        taken = paths.positions[index, :depth].tolist()
        found, last_start = expected[person]
        assert [depth, taken[0], taken[-1]] == found
        assert tuple(taken) in every or kind == "any"
        assert paths.positions[index, depth:].tolist() == [-1] * (rules.steps - depth)
        assert paths.times_ms[index, :depth].tolist() == [rows[at][1] for at in taken]
        if depth < rules.steps:
            assert paths.last_starts_ms[index] == last_start


ROWS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 12), st.integers(0, 15)), max_size=10)
RULES = st.builds(FunnelRules, st.integers(1, 3), st.integers(0, 8), st.integers(0, 14))


SPANS = st.lists(st.tuples(st.integers(1, 3), st.integers(2, 4)), max_size=2)


def with_exclusions(rules: FunnelRules, spans: Sequence[tuple[int, int]]) -> FunnelRules:
    """Return the rules with exclusions of the events of bit 3."""
    exclusions = tuple(
        Exclusion(3, after, before) for after, before in spans if after < before <= rules.steps
    )
    return replace(rules, exclusions=exclusions)


@given(ROWS, RULES, SPANS)
def test_ordered_paths_equal_the_best_choice_of_events(
    rows: Sequence[Row], rules: FunnelRules, spans: Sequence[tuple[int, int]]
) -> None:
    rules = with_exclusions(rules, spans)
    ordered = sorted(rows, key=lambda row: row[:2])
    compare(ordered_paths(occurrences(rows), rules), ordered, rules, "ordered")


# Half of the events are excluded ones that are steps too: no others can come between.
@given(
    st.lists(
        st.tuples(st.integers(0, 1), st.integers(0, 6), st.sampled_from([1, 2, 4, 9, 10, 12, 8])),
        max_size=10,
    )
    | ROWS,
    RULES,
    SPANS,
)
def test_strict_paths_equal_the_best_choice_of_events(
    rows: Sequence[Row], rules: FunnelRules, spans: Sequence[tuple[int, int]]
) -> None:
    rules = with_exclusions(rules, spans)
    ordered = sorted(rows, key=lambda row: row[:2])
    compare(strict_paths(occurrences(rows), rules), ordered, rules, "strict")


@given(ROWS, RULES, st.booleans())
def test_unordered_paths_equal_the_best_choice_of_events(
    rows: Sequence[Row], rules: FunnelRules, has_exclusion: bool
) -> None:
    rules = with_exclusions(rules, [(1, rules.steps)] if has_exclusion else [])
    ordered = sorted(rows, key=lambda row: row[:2])
    compare(unordered_paths(occurrences(rows), rules), ordered, rules, "any")


def test_in_strict_order_a_step_that_is_excluded_ends_the_attempt() -> None:
    rules = FunnelRules(3, 1000, exclusions=(Exclusion(3, 1, 3),))
    excluded_second = [(1, 0, 1), (1, 1, 2 | 8), (1, 2, 4)]
    excluded_ends = [(2, 0, 1 | 8), (2, 1, 2), (2, 2, 4 | 8)]
    paths = strict_paths(occurrences([*excluded_second, *excluded_ends]), rules)
    assert paths.depths.tolist() == [2, 3]


def test_in_any_order_an_excluded_event_ends_the_attempt_between_first_and_last_step() -> None:
    rules = FunnelRules(2, 1000, exclusions=(Exclusion(3, 1, 2),))
    between = [(1, 0, 2), (1, 1, 8), (1, 2, 1)]
    before_and_after = [(2, 0, 8), (2, 1, 2), (2, 2, 1), (2, 3, 8)]
    events = occurrences([*between, *before_and_after, (3, 0, 2), (3, 1, 8), (4, 0, 2)])
    paths = unordered_paths(events, rules)
    assert paths.depths.tolist() == [1, 2, 1, 1]
    # Persons 1 and 4 can still begin or go on; the attempt of person 3 has ended.
    assert paths.is_open(rules, now_ms=500).tolist() == [True, False, False, True]
