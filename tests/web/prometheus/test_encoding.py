"""Query results as JSON."""

import json
import math
import struct
from decimal import Decimal

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from model.labels import Labels
from model.series import ABSENT_BITS, STALE_BITS, AlignedSeries, absent_matrix, stack
from web.prometheus.encoding import encode_value
from web.prometheus.sample_rows import format_time, format_value, format_values

ANY_FLOAT = st.floats(width=64)


@given(ANY_FLOAT)
def test_value_parses_back_to_the_same_double(value: float) -> None:
    text = format_value(value)
    if math.isnan(value):
        assert text == "NaN"
    else:
        assert struct.pack("d", float(text)) == struct.pack("d", value)


@given(st.floats(min_value=1e-6, max_value=1e21, exclude_max=True))
def test_value_of_common_size_has_no_exponent_and_no_trailing_zeros(value: float) -> None:
    text = format_value(value)
    assert "e" not in text
    assert not text.endswith(".0")
    assert Decimal(text) == Decimal(repr(value))


def test_values_are_formatted_as_in_go() -> None:
    known = {
        1e15: "1000000000000000",
        1e16: "10000000000000000",
        123456789012345680000.0: "123456789012345680000",
        1e21: "1e+21",
        1e-6: "0.000001",
        1e-7: "1e-07",
        0.00001: "0.00001",
        1.5e300: "1.5e+300",
        math.inf: "+Inf",
        -math.inf: "-Inf",
    }
    assert [format_value(value) for value in (0.0, -0.0)] == ["0", "-0"]
    assert {value: format_value(value) for value in known} == known


@given(arrays.arrays(np.float64, st.integers(0, 40), elements=ANY_FLOAT))
def test_row_is_formatted_like_its_values(values: np.ndarray) -> None:
    assert format_values(values) == [format_value(value).encode() for value in values.tolist()]


@given(st.integers(-(2**53), 2**53))
def test_time_parses_back_to_the_same_millisecond(time_ms: int) -> None:
    text = format_time(time_ms)
    assert int(Decimal(text) * 1000) == time_ms
    assert json.loads(text) is not None


def test_three_decimals_of_a_time_are_kept() -> None:
    assert [format_time(ms) for ms in (1000, 1500, 1005, -1)] == ["1", "1.500", "1.005", "-0.001"]


def test_absent_samples_are_left_out() -> None:
    values = absent_matrix(3, 3)
    values[0, 1] = 7.0
    values[1].view(np.uint64)[:] = [STALE_BITS, ABSENT_BITS, ABSENT_BITS]
    values[2] = [1.0, np.nan, 3.0]
    labels = [Labels.of(n=str(number)) for number in range(3)]
    first = AlignedSeries.of_source(labels, np.array([0, 1000, 2000]), values)
    second = AlignedSeries.of_source([Labels.of(n="x")], np.array([500]), np.array([[9.0]]))
    assert json.loads(encode_value(stack([first, second])))["result"] == [
        {"metric": {"n": "0"}, "values": [[1, "7"]]},
        {"metric": {"n": "2"}, "values": [[0, "1"], [1, "NaN"], [2, "3"]]},
        {"metric": {"n": "x"}, "values": [[0.5, "9"]]},
    ]


@given(
    arrays.arrays(np.float64, st.tuples(st.integers(0, 4), st.integers(0, 6)), elements=ANY_FLOAT),
    st.data(),
)
def test_every_sample_is_written_wherever_others_are_absent(
    values: np.ndarray, data: st.DataObject
) -> None:
    there = data.draw(arrays.arrays(np.bool_, values.shape))
    there &= values.view(np.uint64) != STALE_BITS
    values.view(np.uint64)[~there] = ABSENT_BITS
    labels = [Labels.of(n=str(row)) for row in range(len(values))]
    times = np.arange(values.shape[1]) * 1000
    written = json.loads(encode_value(AlignedSeries.of_source(labels, times, values)))["result"]
    assert [(series["metric"], series["values"]) for series in written] == [
        (
            dict(labels[row]),
            [[at, format_value(float(values[row, at]))] for at in there[row].nonzero()[0].tolist()],
        )
        for row in range(len(values))
        if there[row].any()
    ]


@given(st.dictionaries(st.text(min_size=1), st.text(min_size=1), max_size=4))
def test_any_label_is_encoded_as_json(pairs: dict[str, str]) -> None:
    matrix = AlignedSeries.of_source([Labels.of(pairs)], np.array([0]), np.array([[1.0]]))
    assert json.loads(encode_value(matrix))["result"][0]["metric"] == pairs
