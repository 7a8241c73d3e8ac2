"""Compensated sums are almost as exact as sums of unlimited precision."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from promql.kernels.compensated import closed, sum_along, sum_groups, two_sum

_finite = st.floats(-1e300, 1e300, allow_subnormal=False)


@given(_finite, _finite)
def test_two_sum_returns_the_rounding_error(left: float, right: float) -> None:
    total, error = two_sum(np.array([left]), np.array([right]))
    assert math.fsum([left, right, -float(total[0])]) == pytest.approx(float(error[0]), abs=1e-300)


@given(st.lists(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=9), min_size=1, max_size=9))
def test_groups_are_added_exactly(groups: list[list[float]]) -> None:
    values = np.array([value for group in groups for value in group])[:, np.newaxis]
    starts = np.cumsum([0, *(len(group) for group in groups)])[:-1]
    found = closed(sum_groups(values, starts))[:, 0].tolist()
    for value, group in zip(found, groups, strict=True):
        assert value == pytest.approx(math.fsum(group), rel=1e-15, abs=1e-20)


@given(
    st.integers(1, 9).flatmap(
        lambda size: st.lists(
            st.lists(st.floats(-1e9, 1e9), min_size=size, max_size=size), min_size=1, max_size=5
        )
    ),
    st.sampled_from([0, 1]),
)
def test_an_axis_is_added_exactly(groups: list[list[float]], axis: int) -> None:
    values = np.array(groups)[:, :, np.newaxis]
    found = closed(sum_along(values if axis else values.swapaxes(0, 1), axis))[:, 0].tolist()
    for value, group in zip(found, groups, strict=True):
        assert value == pytest.approx(math.fsum(group), rel=1e-15, abs=1e-20)


def test_the_sum_of_one_array_is_a_copy() -> None:
    values = np.ones((1, 2, 3))
    total, error = sum_along(values, 0)
    total += 1
    error += 1
    assert (values == 1).all()


def test_small_numbers_survive_large_ones_that_cancel() -> None:
    values = np.array([1, 1e100, 1, -1e100])[:, np.newaxis]
    assert closed(sum_groups(values, np.array([0]))).tolist() == [[2.0]]


def test_infinity_and_nan_pass_through() -> None:
    values = np.array([np.inf, 1.0, np.nan, 1.0, np.inf, -np.inf])[:, np.newaxis]
    with np.errstate(invalid="ignore"):
        found = closed(sum_groups(values, np.array([0, 2, 4])))[:, 0]
    assert found[0] == np.inf
    assert np.isnan(found[1:]).all()
