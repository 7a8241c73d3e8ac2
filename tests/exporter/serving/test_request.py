import io
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.serving.request import RequestError, RequestHead, read_head, response_head

TOKEN = st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=12)
VALUE = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=20)


def head_of(content: bytes) -> RequestHead | None:
    return read_head(io.BufferedReader(io.BytesIO(content)))


@given(
    target=VALUE.map(lambda text: f"/x{text}"),
    headers=st.dictionaries(TOKEN, VALUE, max_size=20),
    end=st.sampled_from(["\r\n", "\n"]),
)
def test_request_is_read_as_it_was_written(target: str, headers: dict[str, str], end: str) -> None:
    lines = [f"GET {target} HTTP/1.1", *(f"{n.title()}:  {v} " for n, v in headers.items()), "", ""]
    head = head_of(end.join(lines).encode())
    assert head == RequestHead("GET", target, (1, 1), headers)


@given(
    content=st.binary(max_size=300)
    | st.binary(max_size=100).map(lambda b: b"GET / HTTP/1.1\r\n" + b)
)
def test_garbage_is_a_request_an_error_or_a_client_that_has_left(content: bytes) -> None:
    try:
        head = head_of(content)
    except (RequestError, ConnectionError):
        return
    assert head is None or head.target


@pytest.mark.parametrize(
    ("version", "connection", "stays"),
    [
        ("1.1", "", True),
        ("1.1", "Close", False),
        ("1.0", "", False),
        ("1.0", "Keep-Alive", True),
    ],
)
def test_connection_stays_open_as_the_client_wishes(
    version: str, connection: str, stays: bool
) -> None:
    head = head_of(f"GET / HTTP/{version}\r\nConnection: {connection}\r\n\r\n".encode())
    assert head is not None
    assert head.stays_open is stays


def test_first_of_two_headers_counts_and_a_folded_one_continues_its_line() -> None:
    head = head_of(b"GET / HTTP/1.1\r\nA: 1\r\nA: 2\r\n 3\r\nB: 4\r\n\t5\r\n\r\n")
    assert head is not None
    assert head.headers == {"a": "1", "b": "4 5"}


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"GET /\r\n\r\n", 400),
        (b"GET / HTTP/1.1 x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nA : b\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\n\r\n", 505),
    ],
)
def test_request_that_is_not_http_has_its_status(content: bytes, status: int) -> None:
    with pytest.raises(RequestError) as refused:
        head_of(content)
    assert refused.value.status == status


def test_response_has_a_date_and_its_headers() -> None:
    lines = response_head(HTTPStatus.NOT_FOUND, {"A": "b"}).decode().split("\r\n")
    assert lines[0] == "HTTP/1.1 404 Not Found"
    assert lines[3:] == ["A: b", "", ""]
    assert parsedate_to_datetime(lines[2].removeprefix("Date: ")).tzinfo is not None
