"""Fields of `multipart/form-data` bodies."""

import asyncio
from contextlib import suppress

import aiohttp
import pytest
from aiohttp.payload import Payload
from hypothesis import given, settings
from hypothesis import strategies as st

from web.http.errors import BadRequestError
from web.http.multipart import multipart_fields

KIND = "multipart/form-data; boundary=x"
FIELD = b'--x\r\nContent-Disposition: form-data; name="query"\r\n\r\nup\r\n--x--\r\n'

NAMES = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=8)
VALUES = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


class _Sink(aiohttp.abc.AbstractStreamWriter):
    """Collects the bytes that aiohttp writes."""

    def __init__(self) -> None:
        self.data = b""

    async def write(self, chunk: bytes | bytearray | memoryview) -> None:
        self.data += bytes(chunk)

    async def write_eof(self, chunk: bytes = b"") -> None:
        self.data += chunk

    async def drain(self) -> None: ...

    def enable_compression(self, *_: object, **__: object) -> None: ...

    def enable_chunking(self) -> None: ...

    async def write_headers(self, *_: object) -> None: ...


async def written(fields: list[tuple[str, str]]) -> tuple[bytes, str]:
    """Return a form as aiohttp's client writes it, and its Content-Type."""
    form = aiohttp.FormData(default_to_multipart=True)
    for name, value in fields:
        form.add_field(name, value)
    payload = form()
    assert isinstance(payload, Payload)
    sink = _Sink()
    await payload.write(sink)
    return sink.data, payload.headers["Content-Type"]


@given(st.lists(st.tuples(NAMES, VALUES), min_size=1, max_size=5))
@settings(max_examples=50, deadline=None)
def test_fields_that_a_client_writes_are_read(fields: list[tuple[str, str]]) -> None:
    assert multipart_fields(*asyncio.run(written(fields))) == fields


def test_files_and_parts_without_name_are_skipped() -> None:
    file = b'--x\r\nContent-Disposition: form-data; name="a"; filename="b"\r\n\r\nc\r\n'
    nameless = b"--x\r\nContent-Type: text/plain\r\n\r\nd\r\n"
    assert multipart_fields(file + nameless + FIELD, KIND) == [("query", "up")]


def test_quoted_boundary_and_padding_are_read() -> None:
    body = b"preamble\r\n--x \t\r\ncontent-disposition: form-data; name=a\r\n\r\n\r\n--x--"
    assert multipart_fields(body, 'multipart/form-data; boundary="x"') == [("a", "")]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (FIELD, "multipart/form-data"),
        (FIELD, "multipart/form-data; boundary="),
        (FIELD, "multipart/form-data; boundary=" + "x" * 71),
        (b"", KIND),
        (b"junk", KIND),
        (FIELD[:-6], KIND),
        (b"--x\r\nno end of headers--x--", KIND),
        (b"--xContent-Disposition: form-data\r\n\r\n\r\n--x--", KIND),
        (FIELD.replace(b"up", b"\xff"), KIND),
        (FIELD.replace(b"query", b"\xff"), KIND),
        (FIELD[:-7] * 1001 + b"--x--", KIND),
    ],
)
def test_malformed_form_is_refused(body: bytes, kind: str) -> None:
    with pytest.raises(BadRequestError):
        multipart_fields(body, kind)


@given(st.binary(max_size=200), st.text(st.characters(codec="latin-1"), max_size=20))
def test_hostile_body_is_read_or_refused(body: bytes, boundary: str) -> None:
    for text in (body, FIELD[:30] + body + FIELD[30:]):
        for kind in (KIND, f"multipart/form-data; boundary={boundary}"):
            with suppress(BadRequestError):
                multipart_fields(text, kind)
