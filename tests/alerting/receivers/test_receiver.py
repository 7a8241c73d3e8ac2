import pytest
from pydantic import SecretStr

from alerting.receivers.receiver import masked


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://hooks.example.org/services/T0/B0/x", "https://hooks.example.org/…"),
        ("https://u:p@hooks.example.org:8443/x?token=y", "https://hooks.example.org:8443/…"),
        ("tgram://123:secret/456", "tgram://…"),
        ("http://host:port/x", "…"),
        ("", "://…"),
    ],
)
def test_masked_url_shows_scheme_and_host_only(url: str, shown: str) -> None:
    assert masked(SecretStr(url)) == shown
