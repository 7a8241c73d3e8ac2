import math
import struct

import pytest

from ingest.errors import MalformedMessageError
from ingest.remote_write.native_histograms import read_histogram
from model.series import STALE
from tests.ingest.remote_write.messages import (
    CLASSIC,
    block,
    double_field,
    histogram,
    number_field,
    span,
    varint,
    zigzag,
)


def classic_samples(data: bytes) -> list[tuple[str, str, float]]:
    return list(read_histogram(data, 0, len(data)).samples())


def test_exponential_buckets_become_cumulative_ones() -> None:
    assert classic_samples(histogram()) == list(CLASSIC)


def test_finer_schema_and_float_counts() -> None:
    counts = struct.pack("<2d", 0.5, 1.5)
    data = double_field(2, 2.0) + varint(4 * 8) + zigzag(1) + block(11, span(1, 2))
    buckets = classic_samples(data + block(13, counts))[2:]
    assert buckets == [
        ("_bucket", repr(2**0.5), 0.5),
        ("_bucket", "2.0", 2.0),
        ("_bucket", "+Inf", 2.0),
    ]


def test_custom_bounds_are_the_bounds_of_the_buckets() -> None:
    bounds = struct.pack("<2d", 0.1, 10.0)
    data = number_field(1, 6) + varint(4 * 8) + zigzag(-53) + block(11, span(0, 3))
    data += block(12, zigzag(1) + zigzag(1) + zigzag(1)) + block(16, bounds)
    assert classic_samples(data)[2:] == [
        ("_bucket", "0.1", 1.0),
        ("_bucket", "10.0", 3.0),
        ("_bucket", "+Inf", 6.0),
    ]


def test_end_of_a_histogram_ends_its_classic_series() -> None:
    data = double_field(3, STALE) + number_field(15, 5)
    found = classic_samples(data)
    assert [(suffix, bound) for suffix, bound, _ in found] == [
        ("_count", ""),
        ("_sum", ""),
        ("_bucket", "+Inf"),
    ]
    assert all(math.isnan(value) for _, _, value in found)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (block(11, span(0, 2)) + block(12, zigzag(1)), "fewer counts"),
        (block(11, span(0, 2**31)) + block(12, zigzag(0) * 3000), "more than 2000 buckets"),
        (varint(4 * 8) + zigzag(9), "schema 9"),
        (
            varint(4 * 8) + zigzag(-53) + block(11, span(1, 1)) + block(12, zigzag(1)),
            "no bucket 1",
        ),
        (block(13, b"1234"), "no doubles"),
    ],
)
def test_impossible_histograms_are_malformed(data: bytes, reason: str) -> None:
    with pytest.raises(MalformedMessageError, match=reason):
        classic_samples(data)
