import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.errors import ListenError
from exporter.settings import parse_listen


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (":9100", ("", 9100)),
        ("127.0.0.1:0", ("127.0.0.1", 0)),
        ("localhost:9100", ("localhost", 9100)),
        ("[::1]:9100", ("::1", 9100)),
        ("[fe80::1%eth0]:9100", ("fe80::1%eth0", 9100)),
    ],
)
def test_address_is_split_into_host_and_port(text: str, address: tuple[str, int]) -> None:
    assert parse_listen(text) == address


@pytest.mark.parametrize(
    "text", ["", "9100", "host", "::1:9100", "[::1]", "host:", "host:65536", "host:-1", "a b:1"]
)
def test_invalid_address_is_refused(text: str) -> None:
    with pytest.raises(ListenError):
        parse_listen(text)


@given(st.text())
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        _, port = parse_listen(text)
    except ListenError:
        return
    assert 0 <= port <= 65535
