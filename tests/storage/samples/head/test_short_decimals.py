import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.series import ABSENT_BITS, ORDINARY_NAN_BITS, STALE_BITS
from storage.samples.head.short_decimals import pack, unpack

SPECIAL = [
    *(0, 1 << 63, STALE_BITS, ABSENT_BITS, ORDINARY_NAN_BITS),
    *np.array([np.inf, -np.inf, 5e-324, -1.8e308, 2.0**28, -(2.0**28)]).view(np.uint64).tolist(),
]
BITS = st.one_of(
    st.sampled_from(SPECIAL),
    st.integers(0, 2**64 - 1),
    st.builds(
        lambda whole, divisor: int(np.float64(whole / divisor).view(np.uint64)),
        st.integers(-(2**30), 2**30),
        st.sampled_from([1.0, 1e9, 1e2, 1 / 1024, 1e3, 1e6, 1e4, 3.0]),
    ),
)


@given(st.lists(BITS, max_size=40), st.integers(0, 1000))
def test_every_bit_of_every_value_survives(bits: list[int], before: int) -> None:
    values = np.array(bits, np.uint64).view(np.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        words, wide = pack(values, before)
        padded = np.concatenate([np.zeros(before), wide]).view(np.uint64)
        unpacked = unpack(words, padded)
    assert words.dtype == np.int32
    assert unpacked.tolist() == bits
    some = np.arange(0, len(bits), 3)
    assert unpack(words[some], padded).tolist() == bits[::3]


@pytest.mark.parametrize(
    "value", [0.0, 121.0, 2.10148752e8, 3.67650e-05, 908.03, 0.618, 1.92e9 * 1024 / 16, -125000.0]
)
def test_what_exporters_write_takes_a_word(value: float) -> None:
    _, wide = pack(np.array([value]), 0)
    assert not len(wide)


@pytest.mark.parametrize("value", [0.1 + 0.2, -0.0, 1e300, float("inf"), float("nan")])
def test_other_values_are_wide(value: float) -> None:
    _, wide = pack(np.array([1.0, value]), 0)
    assert wide.view(np.uint64).tolist() == np.array([value]).view(np.uint64).tolist()
