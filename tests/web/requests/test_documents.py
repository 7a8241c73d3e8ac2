"""Histograms and heat maps as documents."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.statistics.calendar import Buckets
from storage.api.requests import LatencyCounts
from web.requests.documents import latency_document

PARTS = Buckets(np.array([0, 60_000, 120_000], np.int64), ("a", "b"))


@pytest.mark.parametrize("per_doubling", [1, 2, 4, 8])
@given(st.lists(st.integers(0, 604_800_000_000), min_size=1, max_size=20))
def test_merged_bins_hold_each_duration_between_their_bounds(
    per_doubling: int, durations: list[int]
) -> None:
    bins = [next(k for k in range(400) if one**8 <= 2**k) for one in durations]
    first = min(bins)
    counts = np.zeros((2, max(bins) - first + 1), np.int64)
    for number in bins:
        counts[1, number - first] += 1
    found = latency_document(PARTS, LatencyCounts(first, counts), "minute", "UTC", per_doubling)
    assert sum(found["histogram"]) == len(durations)
    assert found["data"][0]["counts"] == [0] * len(found["bins"])
    for each, count in zip(found["bins"], found["data"][1]["counts"], strict=True):
        low_us, high_us = each["above_ms"] * 1000, each["up_to_ms"] * 1000
        inside = [one for one in durations if low_us < one <= high_us]
        if each["above_ms"] == 0:
            inside += [one for one in durations if one == 0]
        assert len(inside) == count, each


def test_bins_are_consecutive_and_double() -> None:
    counts = np.ones((2, 17), np.int64)
    found = latency_document(PARTS, LatencyCounts(80, counts), "minute", "UTC", 1)
    assert [(each["above_ms"], each["up_to_ms"]) for each in found["bins"]] == [
        (0.512, 1.024),
        (1.024, 2.048),
        (2.048, 4.096),
    ]
    assert found["histogram"] == [2, 16, 16]


def test_a_range_without_requests_has_no_bins() -> None:
    empty = LatencyCounts(0, np.zeros((2, 0), np.int64))
    found = latency_document(PARTS, empty, "minute", "UTC", 8)
    assert (found["bins"], found["histogram"]) == ([], [])
    assert [point["counts"] for point in found["data"]] == [[], []]
