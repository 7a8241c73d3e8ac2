"""XOR chunks, against a decoder that reads one bit at a time."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from model.series import STALE
from tests.web.prometheus.remote_read.read_client import decoded_chunk
from web.prometheus.remote_read.xor_chunks import CHUNK_SAMPLES, xor_chunks

DISTANCES = st.one_of(
    st.sampled_from([1, 15_000, 2**13, 2**13 + 1, 2**16, 2**16 + 1, 2**19, 2**19 + 1, 2**31]),
    st.integers(1, 2**40),
)
VALUES = st.one_of(st.floats(width=64), st.sampled_from([0.0, -0.0, 1.0, 2.0, STALE]))


@given(
    first_ms=st.integers(-(2**52), 2**52),
    distances=st.lists(DISTANCES, max_size=300),
    data=st.data(),
)
def test_chunks_decode_to_the_samples(
    first_ms: int, distances: list[int], data: st.DataObject
) -> None:
    times_ms = np.cumsum([first_ms, *distances]).astype(np.int64)
    count = len(times_ms)
    values = data.draw(arrays.arrays(np.float64, count, elements=VALUES, fill=st.just(1.0)))
    chunks = list(xor_chunks(times_ms, values))
    found = [decoded_chunk(chunk.data) for chunk in chunks]
    assert [len(part) for part in found[:-1]] == [CHUNK_SAMPLES] * (len(found) - 1)
    assert [(chunk.start_ms, chunk.end_ms) for chunk in chunks] == [
        (part[0][0], part[-1][0]) for part in found
    ]
    expected = list(zip(times_ms.tolist(), values.view(np.uint64).tolist(), strict=True))
    assert [sample for part in found for sample in part] == expected


def test_constant_series_takes_two_bits_a_sample() -> None:
    times_ms = np.arange(CHUNK_SAMPLES, dtype=np.int64) * 15_000
    (chunk,) = xor_chunks(times_ms, np.ones(CHUNK_SAMPLES))
    assert len(chunk.data) < 45


def test_long_series_is_encoded_in_parts() -> None:
    times_ms = np.arange(30_000, dtype=np.int64)
    values = np.arange(30_000, dtype=np.float64)
    found = [sample for one in xor_chunks(times_ms, values) for sample in decoded_chunk(one.data)]
    assert found == list(zip(times_ms.tolist(), values.view(np.uint64).tolist(), strict=True))
