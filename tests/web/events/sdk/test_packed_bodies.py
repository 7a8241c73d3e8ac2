"""Packed bodies of SDKs: every packing of every value, and bodies that nobody should send."""

import base64
import gzip
import math
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.events.sdk.packed_bodies import unpacked
from web.http.errors import BadRequestError, TooLargeError

LIMIT_BYTES = 10_000

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
BODIES = st.dictionaries(st.text(max_size=20), JSON, max_size=5) | st.lists(JSON, max_size=5)

Pack = Callable[[bytes], bytes]


def urlsafe(body: bytes) -> bytes:
    return base64.urlsafe_b64encode(body).rstrip(b"=")


def gzipped(body: bytes) -> bytes:
    # Without the time, so that a body packed again is the same.
    return gzip.compress(body, mtime=0)


PACKINGS: dict[str, Pack] = {
    "plain": bytes,
    "gzip": gzipped,
    "base64": base64.b64encode,
    "base64 for addresses": urlsafe,
    "base64 of gzip": lambda body: base64.b64encode(gzipped(body)),
    "form": lambda body: b"data=" + quote(base64.b64encode(body), safe="").encode(),
    "form that is not escaped": lambda body: b"data=" + base64.b64encode(body),
    "form with a second field": lambda body: b"data=" + base64.b64encode(body) + b"&ver=1.2",
    "form of JSON": lambda body: b"data=" + quote(body, safe="").encode(),
    "form of gzip": lambda body: b"data=" + quote(gzipped(body), safe="").encode(),
    "two members of gzip": lambda body: gzipped(body[:7]) + gzipped(body[7:]),
}


@given(BODIES, st.sampled_from(sorted(PACKINGS)))
def test_every_packing_yields_the_value(value: Any, packing: str) -> None:
    body = PACKINGS[packing](orjson.dumps(value))
    assert unpacked(body, 2**20) == value


def refused_or_read(body: bytes) -> Any:
    """Return the value of a body, None if it is refused with a sentence."""
    try:
        return unpacked(body, LIMIT_BYTES)
    except (BadRequestError, TooLargeError):
        return None


@given(BODIES, st.sampled_from(sorted(PACKINGS)), st.data())
def test_a_damaged_body_is_read_or_refused(value: Any, packing: str, data: st.DataObject) -> None:
    body = PACKINGS[packing](orjson.dumps(value))
    place = data.draw(st.integers(0, len(body)))
    kind = data.draw(st.sampled_from(["cut", "changed", "inserted"]))
    inserted = data.draw(st.binary(min_size=1, max_size=3))
    rest = {
        "cut": b"",
        "changed": inserted + body[place + 1 :],
        "inserted": inserted + body[place:],
    }
    refused_or_read(body[:place] + rest[kind])


@given(
    st.sampled_from([b"", b"\x1f\x8b", b"data=", b"data=%", b"{", b"[", b"=", b"\xff\xfe"]),
    st.binary(max_size=200),
)
def test_any_bytes_are_read_or_refused(start: bytes, rest: bytes) -> None:
    refused_or_read(start + rest)


@pytest.mark.parametrize("packing", ["gzip", "base64 of gzip", "form of gzip"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.99])
def test_truncated_gzip_is_refused(packing: str, share: float) -> None:
    packed = gzip.compress(orjson.dumps({"events": list(range(500))}))
    cut = packed[: math.floor(len(packed) * share)]
    body = {
        "gzip": cut,
        "base64 of gzip": base64.b64encode(cut),
        "form of gzip": b"data=" + quote(cut, safe="").encode(),
    }[packing]
    with pytest.raises(BadRequestError, match="gzip"):
        unpacked(body, LIMIT_BYTES)


@pytest.mark.parametrize("packing", ["gzip", "base64 of gzip", "form of gzip"])
def test_a_bomb_is_refused_at_the_limit(packing: str) -> None:
    bomb = PACKINGS[packing](b"[" + b" " * 10_000_000 + b"]")
    assert len(bomb) < 50_000
    with pytest.raises(TooLargeError):
        unpacked(bomb, LIMIT_BYTES)


def test_gzip_inside_gzip_is_not_unpacked_twice() -> None:
    with pytest.raises(BadRequestError):
        unpacked(gzip.compress(gzip.compress(b"{}")), LIMIT_BYTES)


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"a":' * 50_000, b"data=" + b"[" * 10_000])
def test_deep_nesting_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequestError):
        unpacked(body, LIMIT_BYTES)


def test_lz_string_of_ancient_sdks_is_refused() -> None:
    # '{"event":"a"}' by lz-string's compressToBase64: it is base64, but not of JSON.
    with pytest.raises(BadRequestError, match="not JSON"):
        unpacked(b"N4IgpgbglgdgLiAXCAhiANCGBnAvgXyA", LIMIT_BYTES)
