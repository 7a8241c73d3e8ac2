from typing import Any

import pytest

from redshank_middleware.settings import ReporterSettings

VALID: dict[str, Any] = {"url": "https://monitoring.example.com/redshank", "api_key": "rsk_1"}


def test_an_address_may_have_a_path() -> None:
    assert ReporterSettings(**VALID).address.path == "/redshank"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"url": ""}, "set both url and api_key"),
        ({"api_key": ""}, "set both url and api_key"),
        ({"url": "monitoring.example.com"}, "url must be like https://"),
        ({"url": "ftp://a"}, "url must be like https://"),
        ({"url": "https://a:99999"}, "url must be like https://"),
        ({"url": "https://user:secret@a"}, "url must be like https://"),
        ({"api_key": "rsk_1\r\nX: y"}, "api_key must be printable"),
        ({"batch_size": 0}, "batch_size must be from 1 to 1000"),
        ({"queue_size": 10}, "queue_size must be at least batch_size"),
        ({"flush_interval_s": 0}, "flush_interval_s must be above 0"),
        ({"proxies": -1}, "proxies and exit_timeout_s must not be negative"),
    ],
)
def test_an_invalid_setting_is_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ReporterSettings(**{**VALID, **changes})
