"""Decoding of remote-read requests."""

from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ingest.errors import MalformedMessageError
from model.matchers import Matcher
from tests.web.prometheus.remote_read.read_client import delimited, message, number, query
from web.prometheus.remote_read.request import ReadQuery, ResponseType, decode_read_request

UP = query(-5, 10, (0, "__name__", "up"))


def test_queries_with_all_kinds_of_matchers_are_read() -> None:
    kinds = query(1, 2, (0, "a", "b"), (1, "a", ""), (2, "c", "x.*"), (3, "d", "y|z"))
    matchers = (("a", "=", "b"), ("a", "!=", ""), ("c", "=~", "x.*"), ("d", "!~", "y|z"))
    asked = decode_read_request(message([UP, kinds]))
    assert asked.response_type is ResponseType.SAMPLES
    assert asked.queries == (
        ReadQuery(-5, 10, (Matcher.of("__name__", "=", "up"),)),
        ReadQuery(1, 2, tuple(Matcher.of(*each) for each in matchers)),
    )


@pytest.mark.parametrize(
    ("accepted", "expected"), [([], 0), ([0], 0), ([1], 1), ([1, 0], 1), ([0, 1], 0), ([7, 1], 1)]
)
def test_first_supported_response_type_is_taken(accepted: list[int], expected: int) -> None:
    packed = decode_read_request(message([UP], accepted))
    unpacked = decode_read_request(message([UP]) + b"".join(number(2, each) for each in accepted))
    assert packed.response_type == unpacked.response_type == expected


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (message([UP], [7]), "does not support any of the requested response types"),
        (message([query(0, 1, (9, "a", "b"))]), "invalid matcher type"),
        (message([query(0, 1, (2, "a", "("))]), "error parsing regexp"),
        (message([delimited(3, delimited(3, b"\xff"))]), "UTF-8"),
        (message([UP] * 101), "more than 100 queries"),
        (message([query(0, 1, *[(0, "a", "b")] * 1001)]), "more than 1000 matchers"),
        (message([UP])[:-1], "cut off"),
        (number(1, 5), "wire type"),
    ],
)
def test_invalid_request_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(MalformedMessageError, match=reason):
        decode_read_request(data)


@given(st.sampled_from([b"", message([UP])]), st.binary(max_size=60))
@example(b"", b"\x12\x01\xff")
def test_hostile_bytes_are_read_or_refused(head: bytes, tail: bytes) -> None:
    with suppress(MalformedMessageError):
        decode_read_request(head + tail)
