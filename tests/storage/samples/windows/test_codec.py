from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.series import ABSENT_BITS, ORDINARY_NAN_BITS, STALE_BITS, Values
from storage.api.errors import CorruptDataError
from storage.samples.windows.codec import (
    decode_piece,
    decode_times,
    encode_piece,
    encode_pieces,
    encode_times,
    is_constant,
)

SPECIAL_BITS = [
    STALE_BITS,
    ABSENT_BITS,
    ORDINARY_NAN_BITS,
    2**64 - 1,
    0x7FF0000000000000,
    0xFFF0000000000000,
    0x8000000000000000,
    0,
    1,
]


def as_bits(number: float) -> int:
    return int(np.float64(number).view(np.uint64))


smooth = st.integers(-(2**62), 2**62).map(lambda number: as_bits(float(number)))
any_bits = st.one_of(
    st.sampled_from(SPECIAL_BITS),
    st.integers(-3, 3).map(lambda number: as_bits(float(number))),
    st.integers(-300, 300).map(lambda number: as_bits(number / 10)),
    smooth,
    st.floats().map(as_bits),
    st.integers(0, 2**64 - 1),
)


@st.composite
def matrices(draw: st.DrawFn, most_series: int = 5, most_times: int = 12) -> Values:
    height = draw(st.integers(1, most_series))
    width = draw(st.integers(1, most_times))
    row = st.one_of(
        st.lists(any_bits, min_size=width, max_size=width),
        any_bits.map(lambda one: [one] * width),
        st.lists(st.sampled_from([as_bits(1.0), ABSENT_BITS]), min_size=width, max_size=width),
    )
    rows = draw(st.lists(row, min_size=height, max_size=height))
    return np.array(rows, np.uint64).view(np.float64)


def same_bits(first: Values, second: Values) -> bool:
    return bool((first.view(np.uint64) == second.view(np.uint64)).all())


@settings(deadline=None)
@given(matrices(), st.booleans())
def test_piece_round_trip_keeps_every_bit(values: Values, small: bool) -> None:
    data = encode_piece(values, small=small)
    assert same_bits(decode_piece(data, *values.shape), values)


@settings(deadline=None)
@given(matrices(most_series=12), st.data())
def test_pieces_encoded_together_are_those_encoded_alone(
    values: Values, data: st.DataObject
) -> None:
    cuts = data.draw(st.sets(st.integers(1, len(values)).filter(lambda cut: cut < len(values))))
    starts = [0, *sorted(cuts)]
    alone = [encode_piece(part) for part in np.split(values, starts[1:])]
    assert list(encode_pieces(values, np.array(starts))) == alone


@settings(deadline=None)
@given(st.lists(any_bits, min_size=1, max_size=5), st.integers(1, 500))
def test_constant_piece_fits_any_number_of_times(bits: list[int], times: int) -> None:
    column = np.array(bits, np.uint64).view(np.float64).reshape(-1, 1)
    data = encode_piece(np.repeat(column, 3, axis=1))
    assert is_constant(data)
    assert same_bits(decode_piece(data, len(bits), times), np.repeat(column, times, axis=1))


def test_counters_gauges_and_constants_are_small() -> None:
    rng = np.random.default_rng(0)
    counter = np.cumsum(rng.integers(90, 110, (4, 480)), axis=1).astype(np.float64)
    cpu = np.cumsum(rng.random((4, 480)), axis=1).round(2)
    assert len(encode_piece(counter)) < 0.8 * counter.size
    assert len(encode_piece(cpu)) < 1.2 * cpu.size
    assert len(encode_piece(np.ones((100, 480), np.float64))) < 20


@settings(deadline=None)
@given(matrices(), st.data())
def test_damaged_piece_raises_corrupt_data(values: Values, data: st.DataObject) -> None:
    encoded = bytearray(encode_piece(values))
    place = data.draw(st.integers(0, len(encoded) - 1))
    encoded[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(CorruptDataError):
        decode_piece(bytes(encoded), *values.shape)
    with pytest.raises(CorruptDataError):
        decode_piece(bytes(encoded[:place]), *values.shape)


@settings(deadline=None)
@given(st.binary(max_size=60), st.integers(1, 4), st.integers(1, 9))
def test_any_bytes_decode_or_raise_corrupt_data(data: bytes, series: int, times: int) -> None:
    with pytest.raises(CorruptDataError):
        decode_piece(data, series, times)


times = st.lists(st.integers(-(2**50), 2**50), min_size=1, max_size=300, unique=True).map(sorted)


@settings(deadline=None)
@given(times)
def test_times_round_trip(times_ms: list[int]) -> None:
    expected = np.array(times_ms, np.int64)
    decoded = decode_times(encode_times(expected), times_ms[0], len(times_ms))
    assert (decoded == expected).all()


@settings(deadline=None)
@given(st.integers(0, 2**45), st.integers(1, 10**9), st.integers(1, 3000))
def test_even_times_are_a_step(start_ms: int, step_ms: int, count: int) -> None:
    expected = start_ms + step_ms * np.arange(count, dtype=np.int64)
    encoded = encode_times(expected)
    assert len(encoded) == 9
    assert (decode_times(encoded, start_ms, count) == expected).all()


@settings(deadline=None)
@given(times, st.data())
def test_damaged_times_raise_corrupt_data_unless_even(
    times_ms: list[int], data: st.DataObject
) -> None:
    encoded = encode_times(np.array(times_ms, np.int64))
    short = encoded[: data.draw(st.integers(0, len(encoded) - 1))]
    with pytest.raises(CorruptDataError):
        decode_times(short, times_ms[0], len(times_ms))


@settings(deadline=None)
@given(st.binary(max_size=40), st.integers(1, 9))
def test_any_bytes_decode_as_times_or_raise_corrupt_data(data: bytes, count: int) -> None:
    with suppress(CorruptDataError):
        assert len(decode_times(data, 0, count)) == count
