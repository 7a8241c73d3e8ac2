from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.events.bodies import decoded
from web.http.errors import BadRequestError


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"a":"x"}', {"a": "x"}),
        (b'{"a":"\\ud800","b":1}', {"a": "\ufffd", "b": 1}),
        (b'{"\\udfff":"\\ud83d\\ude00"}', {"\ufffd": "\N{GRINNING FACE}"}),
        (b"[NaN,Infinity,-Infinity,1e999]", [None, None, None, None]),
        (b'["\xff"]', ["\ufffd"]),
        (b"[NaN,123456789012345678901234567890]", [None, 123456789012345678901234567890.0]),
    ],
)
def test_a_faulty_value_does_not_cost_the_others(body: bytes, expected: Any) -> None:
    assert decoded(body) == expected


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\x1f\x8b", b"[NaN," * 100_000, b"[" * 100_000, b"'a'", b"{'a':1}"]
)
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequestError, match="not JSON"):
        decoded(body)


@given(st.binary() | st.text().map(str.encode))
def test_whatever_is_decoded_can_be_stored(body: bytes) -> None:
    try:
        found = decoded(body)
    except BadRequestError:
        return
    assert orjson.loads(orjson.dumps(found)) == found
