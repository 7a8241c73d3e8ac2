"""HTTPS, logins and client certificates by a web configuration file."""

import base64
import http.client
import ssl
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import bcrypt
import pytest
import yaml

from exporter.errors import WebConfigFileError
from exporter.serving import web_gate
from exporter.serving.server import Exporter
from exporter.settings import ExporterSettings
from tests.certificates import Authority, Pair
from tests.exporter.captured_logs import capture_logs
from tests.exporter.exporter_client import Client, Serve

SETTINGS = ExporterSettings(listen="127.0.0.1:0", disabled=frozenset({"processes"}))


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture(autouse=True)
def always_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look for changed files at each connection."""
    monkeypatch.setattr(web_gate, "_REFRESH_S", 0.0)


def write(tmp_path: Path, document: Mapping[str, Any]) -> ExporterSettings:
    """Return settings with this web configuration file."""
    file = tmp_path / "web.yml"
    file.write_text(yaml.safe_dump(dict(document)))
    return replace(SETTINGS, web_config_file=str(file))


def tls(pair: Pair, **further: Any) -> dict[str, Any]:
    return {
        "tls_server_config": {"cert_file": pair.cert.name, "key_file": pair.key.name, **further}
    }


def get(
    client: Client,
    authority: Authority,
    own: Pair | None = None,
    headers: Mapping[str, str] | None = None,
    version: ssl.TLSVersion | None = None,
) -> http.client.HTTPResponse:
    """Return the answer to GET /health over TLS."""
    context = ssl.create_default_context(cafile=str(authority.cert))
    # The default from Python 3.13 on.
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    if own is not None:
        context.load_cert_chain(own.cert, own.key)
    if version is not None:
        context.maximum_version = version
    host, port = client.exporter.address
    with closing(http.client.HTTPSConnection(host, port, timeout=30, context=context)) as opened:
        opened.request("GET", "/health", headers=dict(headers or {}))
        answer = opened.getresponse()
        answer.read()
        return answer


def test_https_is_served_by_the_certificate(
    serve: Serve, authority: Authority, tmp_path: Path
) -> None:
    client = serve(write(tmp_path, tls(authority.issue("a", "127.0.0.1"))))
    assert get(client, authority).status == 200
    host, port = client.exporter.address
    with closing(http.client.HTTPConnection(host, port, timeout=30)) as plain:
        plain.request("GET", "/health")
        with pytest.raises((http.client.HTTPException, ConnectionError)):
            plain.getresponse()
    assert get(client, authority).status == 200


def test_a_renewed_certificate_is_used_without_a_restart(
    serve: Serve, authority: Authority, tmp_path: Path
) -> None:
    client = serve(write(tmp_path, tls(authority.issue("a", "192.0.2.1"))))
    with pytest.raises(ssl.SSLCertVerificationError):
        get(client, authority)
    authority.issue("a", "127.0.0.1")
    assert get(client, authority).status == 200


@pytest.mark.parametrize("broken", ["a.pem", "a-key.pem", "web.yml"])
def test_a_broken_file_keeps_the_running_configuration_and_is_logged_once(
    serve: Serve, authority: Authority, tmp_path: Path, broken: str
) -> None:
    settings = write(tmp_path, tls(authority.issue("a", "127.0.0.1")))
    client = serve(settings)
    before = (tmp_path / broken).read_bytes()
    (tmp_path / broken).write_text("tls_server_config: [")
    with capture_logs() as logs:
        for _ in range(3):
            assert get(client, authority).status == 200
    (line,) = [line for line in logs if line["event"] == "web_config_refused"]
    assert broken in line["error"]
    (tmp_path / broken).write_bytes(before)
    assert get(client, authority).status == 200


def test_a_client_without_a_certificate_is_refused(
    serve: Serve, authority: Authority, tmp_path: Path
) -> None:
    document = tls(
        authority.issue("a", "127.0.0.1"),
        client_auth_type="RequireAndVerifyClientCert",
        client_ca_file="ca.pem",
        client_allowed_sans=["scraper.example"],
    )
    client = serve(write(tmp_path, document))
    assert get(client, authority, authority.issue("b", "scraper.example")).status == 200
    foreign = Authority(tmp_path, "other").issue("c", "scraper.example")
    for own in (None, foreign, authority.issue("d", "someone.example")):
        with pytest.raises((ssl.SSLError, ConnectionError, http.client.HTTPException)):
            get(client, authority, own)


def test_versions_below_the_least_are_refused(
    serve: Serve, authority: Authority, tmp_path: Path
) -> None:
    client = serve(write(tmp_path, tls(authority.issue("a", "127.0.0.1"), min_version="TLS13")))
    assert get(client, authority).status == 200
    with pytest.raises(ssl.SSLError):
        get(client, authority, version=ssl.TLSVersion.TLSv1_2)


def test_users_need_their_password(serve: Serve, tmp_path: Path) -> None:
    hashed = bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode()
    headers = {"X-Frame-Options": "deny"}
    document = {
        "basic_auth_users": {"ann": hashed.replace("$2b$", "$2y$")},
        "http_server_config": {"headers": headers},
    }
    client = serve(write(tmp_path, document))

    def status(user: str, password: str) -> int:
        pair = base64.b64encode(f"{user}:{password}".encode()).decode()
        return client.get("/metrics", Authorization=f"Basic {pair}").status

    assert client.get("/health").status == 401
    assert client.get("/health").headers["WWW-Authenticate"] == "Basic"
    assert client.get("/health").headers["X-Frame-Options"] == "deny"
    assert [status("ann", "secret"), status("ann", "wrong"), status("bob", "secret")] == [
        200,
        401,
        401,
    ]
    assert status("ann", "secret") == 200
    assert client.get("/health", Authorization="Bearer secret").status == 401


def test_requests_over_the_rate_are_refused(serve: Serve, tmp_path: Path) -> None:
    client = serve(write(tmp_path, {"rate_limit": {"interval": "1h", "burst": 2}}))
    assert [client.get("/health").status for _ in range(3)] == [200, 200, 429]


def test_an_invalid_file_ends_the_start_with_file_and_key(serve: Serve, tmp_path: Path) -> None:
    settings = write(tmp_path, {"tls_server_config": {"cert_file": "a.pem"}})
    place = r"web\.yml:\d: tls_server_config\.key_file: is missing"
    with pytest.raises(WebConfigFileError, match=place):
        serve(settings)


def test_open_connections_end_when_the_exporter_stops(authority: Authority, tmp_path: Path) -> None:
    context = ssl.create_default_context(cafile=str(authority.cert))
    with Exporter(write(tmp_path, tls(authority.issue("a", "127.0.0.1")))) as exporter:
        host, port = exporter.address
        opened = http.client.HTTPSConnection(host, port, timeout=30, context=context)
        opened.request("GET", "/health")
        opened.getresponse().read()
    assert not exporter._listeners[0]._open
    opened.close()
