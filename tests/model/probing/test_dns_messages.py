"""Answers of DNS servers are read, whatever they contain."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.probing.dns_messages import (
    NO_ANSWER,
    RECORD_TYPES,
    is_answer_to,
    question,
    read_answer,
)


def answer(kind: int, data: bytes, flags: int = 0x8180, count: int = 1) -> bytes:
    """Return an answer whose record refers to the name of the question."""
    asked = question(7, "example.org", kind)[12:]
    record = b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 60, len(data)) + data
    return struct.pack(">HHHHHH", 7, flags, 1, count, 0, 0) + asked + record


@pytest.mark.parametrize(
    ("record", "data", "text"),
    [
        ("A", bytes([192, 0, 2, 1]), "192.0.2.1"),
        ("AAAA", bytes(15) + b"\1", "::1"),
        ("CNAME", b"\3www\xc0\x0c", "www.example.org."),
        ("MX", b"\0\5\4mail\xc0\x0c", "5 mail.example.org."),
        ("TXT", b"\5v=spf\3 -x", "v=spf -x"),
        ("SRV", b"\0\1\0\2\1\xbb\xc0\x0c", "1 2 443 example.org."),
        ("SOA", b"\xc0\x0c\xc0\x0c\0\0\0\x2a" + bytes(16), "example.org. example.org. 42"),
    ],
)
def test_records_are_shown_as_text(record: str, data: bytes, text: str) -> None:
    kind = RECORD_TYPES[record]
    found = read_answer(answer(kind, data), kind)
    assert (found.code, found.records, found.counts) == ("NOERROR", (text,), (1, 0, 0))


def test_codes_and_flags_are_read() -> None:
    assert read_answer(answer(1, bytes(4), 0x8183), 1).code == "NXDOMAIN"
    assert read_answer(answer(1, bytes(4), 0x838B), 1).code == "RCODE11"
    assert read_answer(answer(1, bytes(4), 0x8380), 1).is_truncated
    assert read_answer(answer(1, bytes(4), 0x0100), 1).code == NO_ANSWER
    assert read_answer(b"", 1).code == NO_ANSWER


def test_a_name_that_refers_to_itself_ends() -> None:
    assert read_answer(answer(5, b"\xc0\x29"), 5).records == ()


def test_a_claim_of_65535_records_costs_nothing() -> None:
    found = read_answer(answer(1, bytes(4), count=65535), 1)
    assert found.counts == (65535, 0, 0)


@given(st.binary(max_size=300), st.sampled_from(list(RECORD_TYPES.values())))
def test_any_bytes_can_be_read(content: bytes, kind: int) -> None:
    read_answer(content, kind)
    read_answer(answer(kind, content), kind)


@given(st.text(max_size=300))
def test_a_question_is_bytes_or_a_clear_error(name: str) -> None:
    try:
        asked = question(9, name, 1)
    except ValueError as exc:
        assert str(exc)  # noqa: PT017
    else:
        assert is_answer_to(9, asked)
