"""Web configuration files: what is accepted, and where errors point."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.web_config.document import parse_web_config
from model.web_config.errors import WebConfigError
from model.web_config.settings import WebConfig

FILE = Path("/etc/web.yml")
PAIR = "cert_file: a.pem, key_file: b.pem"


def read(text: str) -> WebConfig:
    return parse_web_config(text, FILE)


@pytest.mark.parametrize("text", ["", "{}", "tls_server_config:", "tls_server_config: {}"])
def test_nothing_is_plain_http_for_everybody(text: str) -> None:
    assert read(text) == WebConfig()


def test_files_are_found_beside_the_configuration() -> None:
    tls = read(f"tls_server_config: {{{PAIR}, min_version: TLS13}}").tls
    assert tls is not None
    assert tls.files == (Path("/etc/a.pem"), Path("/etc/b.pem"))
    assert tls.min_version == "TLS13"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("tls_server_config: [1]", "1: tls_server_config: is not a mapping of keys to values"),
        ("tls_sever_config: {}", "1: tls_sever_config: unknown key"),
        ("a: 1\na: 2", "2: a: stands twice"),
        ("a: [", "1: "),
        ("\n\nhttp_server_config:\n  http2: maybe", '4: http_server_config.http2: "maybe" is not'),
        ("tls_server_config: {cert_file: a}", "1: tls_server_config.key_file: is missing"),
        ("tls_server_config: {key_file: a}", "1: tls_server_config.cert_file: is missing"),
        (f"tls_server_config: {{{PAIR}, min_version: SSL3}}", 'min_version: "SSL3" is an unknown'),
        (f"tls_server_config: {{{PAIR}, cipher_suites: [TLS_RSA]}}", 'cipher_suites: "TLS_RSA" is'),
        (f"tls_server_config: {{{PAIR}, cipher_suites: TLS_RSA}}", "cipher_suites: is not a list"),
        (
            f"tls_server_config: {{{PAIR}, curve_preferences: [X25519, CurveP256]}}",
            "curve_preferences: Python's ssl can select one curve, not X25519, CurveP256",
        ),
        (
            f"tls_server_config: {{{PAIR}, client_auth_type: RequireAnyClientCert}}",
            'client_auth_type: "RequireAnyClientCert" accepts certificates of any issuer',
        ),
        (f"tls_server_config: {{{PAIR}, client_auth_type: No}}", 'client_auth_type: "No" is none'),
        (f"tls_server_config: {{{PAIR}, client_ca_file: a}}", "client_auth_type: is missing"),
        (f"tls_server_config: {{{PAIR}, client_allowed_sans: [a]}}", "client_allowed_sans: needs"),
        ("http_server_config: {headers: {Server: x}}", "headers.Server: only Strict-Transport-"),
        ("http_server_config: {headers: {X-Frame-Options: x}}", '"x" is not deny or sameorigin'),
        ('http_server_config: {headers: {X-XSS-Protection: "a\\nb"}}', "characters that no header"),
        ("basic_auth_users: {ann: secret}", "basic_auth_users.ann: is not the bcrypt hash"),
        ("basic_auth_users: {ann: }", "basic_auth_users.ann: is not the bcrypt hash"),
        ("rate_limit: {interval: 5}", 'rate_limit.interval: "5" is not a duration'),
        ("rate_limit: {interval: 1s, burst: -1}", 'rate_limit.burst: "-1" is not a whole number'),
        ("basic_auth_users: {[a]: b}", "a key must be plain text"),
        ("- a", "is not a mapping"),
    ],
)
def test_an_error_names_line_and_key(text: str, problem: str) -> None:
    with pytest.raises(WebConfigError) as raised:
        read(text)
    assert str(raised.value).startswith("/etc/web.yml:")
    assert problem in str(raised.value)


def test_durations_are_those_of_go() -> None:
    for text, seconds in (("1m30s", 90), ("100ms", 0.1), ("1.5h", 5400), ("0", 0)):
        assert read(f"rate_limit: {{interval: {text}}}").rate_interval_s == seconds


@given(st.text(st.sampled_from("abc:{}[]&*!|>'\"\n -#,?%@`~\\\t0\u2028")))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        read(text)
    except WebConfigError as exc:
        message = str(exc)
    else:
        return
    assert message.startswith("/etc/web.yml")
