"""Section `web.oidc` of the configuration."""

from typing import Any

import pytest
from pydantic import ValidationError

from web.oidc_settings import OidcSettings, is_safe_url
from web.settings import WebSettings

SECTION = {"issuer": "https://login.example/realm", "client_id": "redshank"}


@pytest.mark.parametrize(
    "url",
    [
        "https://login.example",
        "https://login.example:8443/realms/a",
        "http://127.0.0.1:8080",
        "http://[::1]:8080/a",
        "http://localhost/a",
    ],
)
def test_secrets_may_go_to_https_and_to_this_machine(url: str) -> None:
    assert is_safe_url(url)


@pytest.mark.parametrize(
    "url",
    [
        *("http://login.example", "http://127.0.0.1.evil.example", "ftp://localhost", ""),
        *("https://", "/relative", "http://10.0.0.1", "https://user:password@login.example"),
    ],
)
def test_secrets_go_nowhere_else(url: str) -> None:
    assert not is_safe_url(url)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"issuer": "http://login.example"}, "https"),
        ({"issuer": "https://login.example?a=b"}, "https"),
        ({"client_id": ""}, "at least 1 character"),
        ({"scopes": ["profile"]}, "openid"),
        ({"client_secret": "a", "client_secret_file": "b"}, "not both"),
        ({"domains": ["@example.com"]}, "pattern"),
        ({"roles": {"ops": "root"}}, "viewer"),
        ({"timeout_s": 0}, "greater than 0"),
    ],
)
def test_invalid_section_names_its_problem(change: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        OidcSettings.model_validate(SECTION | change)


def test_secret_is_in_no_text_of_the_settings() -> None:
    settings = OidcSettings.model_validate(SECTION | {"client_secret": "very-secret"})
    assert "very-secret" not in f"{settings!r} {settings} {settings.model_dump_json()}"
    assert settings.secret() == "very-secret"


def test_some_login_must_remain() -> None:
    with pytest.raises(ValidationError, match="leaves no login"):
        WebSettings(local_login=False)
    WebSettings.model_validate({"local_login": False, "oidc": SECTION})
    with pytest.raises(ValidationError, match="registration"):
        WebSettings.model_validate({"local_login": False, "oidc": SECTION, "registration": True})
