import pytest

from model.addresses import ListenAddress


@pytest.mark.parametrize("text", ["127.0.0.1:9190", ":9100", "[::1]:0", "host.example:65535"])
def test_address_renders_as_it_was_written(text: str) -> None:
    assert str(ListenAddress.parse(text)) == text


@pytest.mark.parametrize(
    "text", ["", "9190", "::1:9190", "host:", "host:x", "host:65536", "h:-1", "h:\u0661"]
)
def test_text_that_is_not_an_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not HOST:PORT|a port is at most 65535"):
        ListenAddress.parse(text)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        (":9190", "http://127.0.0.1:9190"),
        ("0.0.0.0:1", "http://127.0.0.1:1"),
        ("[::]:1", "http://[::1]:1"),
        ("10.0.0.5:80", "http://10.0.0.5:80"),
    ],
)
def test_local_url_reaches_a_wildcard_by_loopback(text: str, url: str) -> None:
    assert ListenAddress.parse(text).local_url == url
