import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.statistics.proportion import wilson


def test_wilsons_interval_of_known_counts() -> None:
    # 95 % intervals of a table in Newcombe, Statistics in Medicine 17, 1998, method 3.
    for part, whole, low, high in (
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ):
        found = wilson(part, whole)
        assert found.low == pytest.approx(low, abs=6e-5)
        assert found.high == pytest.approx(high, abs=6e-5)


def test_nothing_of_nothing_has_no_rate() -> None:
    assert wilson(0, 0).rate is None


@given(st.integers(1, 10**9), st.data())
def test_the_rate_lies_in_its_interval(whole: int, data: st.DataObject) -> None:
    found = wilson(data.draw(st.integers(0, whole)), whole)
    assert found.low is not None
    assert found.rate is not None
    assert found.high is not None
    assert 0 <= found.low <= found.rate + 1e-12
    assert found.rate <= found.high + 1e-12 <= 1 + 1e-12
