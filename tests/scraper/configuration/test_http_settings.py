import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import ValidationError

from model.labels import Labels
from scraper.configuration.http_settings import HttpSettings
from scraper.errors import FetchError
from scraper.fetching.fetch import Fetcher
from scraper.fetching.http_access import Authorization
from scraper.fetching.http_session import HttpSession
from scraper.fetching.secrets import Secret
from scraper.fetching.targets import ScrapeTarget
from tests.scraper.exposing_server import body


@pytest.fixture
async def fetcher() -> AsyncIterator[Fetcher]:
    session = HttpSession()
    await session.open()
    yield Fetcher(session)
    await session.close()


def target(url: str, directory: Path, **settings: object) -> ScrapeTarget:
    access = HttpSettings.model_validate(settings).access(directory)
    return ScrapeTarget(url, Labels.of(job="j"), 30.0, 20.0, access=access)


async def sent(fetcher: Fetcher, directory: Path, **settings: object) -> list[tuple[str, str]]:
    """Return the headers of a request made with these settings."""
    seen: list[tuple[str, str]] = []

    async def answer(request: web.Request) -> web.Response:
        seen.extend(request.headers.items())
        return web.Response(text="a 1\n")

    app = web.Application()
    app.router.add_get("/", answer)
    server = TestServer(app)
    await server.start_server()
    try:
        await fetcher.fetch(target(str(server.make_url("/")), directory, **settings))
    finally:
        await server.close()
    return seen


async def test_password_file_is_read_for_each_request(fetcher: Fetcher, tmp_path: Path) -> None:
    file = tmp_path / "password"
    settings = {"basic_auth": {"username": "u", "password_file": "password"}}
    for password, header in (("p", "Basic dTpw"), ("q", "Basic dTpx")):
        await asyncio.to_thread(file.write_text, password + "\n")
        assert ("Authorization", header) in await sent(fetcher, tmp_path, **settings)


async def test_credentials_are_sent(fetcher: Fetcher, tmp_path: Path) -> None:
    headers = await sent(fetcher, tmp_path, authorization={"credentials": "abc"})
    assert ("Authorization", "Bearer abc") in headers


async def test_missing_secret_file_fails_the_fetch(fetcher: Fetcher, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="cannot read"):
        await sent(fetcher, tmp_path, authorization={"credentials_file": "none"})


async def test_configured_headers_are_sent(fetcher: Fetcher, tmp_path: Path) -> None:
    headers = await sent(
        fetcher, tmp_path, http_headers={"X-Scope": {"values": ["a", "b"], "secrets": ["c"]}}
    )
    assert [value for name, value in headers if name == "X-Scope"] == ["a", "b", "c"]


def test_secrets_are_not_shown() -> None:
    settings = HttpSettings.model_validate({"basic_auth": {"username": "u", "password": "hush"}})
    assert "hush" not in repr(settings)
    assert "hush" not in repr(settings.access(Path()))


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"oauth2": {"client_id": "x"}}, "oauth2 needs token_url"),
        ({"oauth2": {"client_id": "x", "client_secret": "y"}}, "oauth2 needs token_url"),
        ({"oauth2": {"client_secret": "y", "token_url": "z"}}, "oauth2 needs client_id"),
        (
            {
                "oauth2": {"client_id": "x", "client_secret": "y", "token_url": "z"},
                "basic_auth": {"username": "u"},
            },
            "at most one of",
        ),
        ({"proxy_url": "socks5://x"}, "only HTTP proxies"),
        ({"proxy_from_environment": True, "proxy_url": "http://p"}, "excludes proxy_url"),
        ({"no_proxy": "a"}, "no_proxy needs proxy_url"),
        ({"proxy_connect_header": {"a": ["b"]}}, "proxy_connect_header needs"),
        ({"http_headers": {"Host": {"values": ["x"]}}}, "set by Redshank itself"),
        ({"basic_auth": {"username": "u"}, "authorization": {}}, "at most one of"),
        ({"basic_auth": {"password": "a", "password_file": "b"}}, "at most one of password"),
        ({"authorization": {"type": "basic"}}, "use basic_auth"),
        ({"tls_config": {"cert_file": "x"}}, "needs both cert and key"),
        ({"tls_config": {"min_version": "SSL3"}}, "TLS10"),
        ({"bearer_token": "x", "bearer_token_file": "y"}, "at most one of bearer_token"),
        ({"bearer_token": "x", "basic_auth": {}}, "at most one of basic_auth"),
        ({"bearer_token_file": "x", "authorization": {}}, "at most one of basic_auth"),
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, object], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        HttpSettings.model_validate(settings)


def test_bearer_token_is_the_older_form_of_authorization(tmp_path: Path) -> None:
    written = HttpSettings.model_validate({"bearer_token": "t"}).access(tmp_path).auth
    assert written == Authorization("Bearer", Secret("t"))
    read = HttpSettings.model_validate({"bearer_token_file": "f"}).access(tmp_path).auth
    assert read == Authorization("Bearer", Secret("", tmp_path / "f"))


def test_empty_proxy_url_is_no_proxy(tmp_path: Path) -> None:
    empty = HttpSettings.model_validate({"proxy_url": ""}).access(tmp_path)
    assert empty == HttpSettings().access(tmp_path)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("tls")
    subprocess.run(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2"
        " -keyout key.pem -out cert.pem -subj /CN=redshank.test"
        " -addext subjectAltName=DNS:redshank.test",
        shell=True,
        cwd=directory,
        check=True,
        capture_output=True,
    )
    return directory


@pytest.fixture
async def tls_url(certificate: Path) -> AsyncIterator[str]:
    def context() -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
        context.load_verify_locations(certificate / "cert.pem")
        context.verify_mode = ssl.CERT_OPTIONAL
        return context

    app = web.Application()
    app.router.add_get("/", body("a 1\n"))
    server = TestServer(app, scheme="https")
    await server.start_server(ssl=await asyncio.to_thread(context))
    yield str(server.make_url("/"))
    await server.close()


async def test_certificate_is_verified(fetcher: Fetcher, certificate: Path, tls_url: str) -> None:
    with pytest.raises(FetchError, match="certificate"):
        await fetcher.fetch(target(tls_url, certificate))
    with pytest.raises(FetchError, match="certificate"):
        await fetcher.fetch(target(tls_url, certificate, tls_config={"ca_file": "cert.pem"}))


@pytest.mark.parametrize(
    "tls",
    [
        {"insecure_skip_verify": True},
        {"ca_file": "cert.pem", "server_name": "redshank.test"},
        {
            "ca_file": "cert.pem",
            "server_name": "redshank.test",
            "cert_file": "cert.pem",
            "key_file": "key.pem",
            "min_version": "TLS13",
        },
    ],
)
async def test_tls_settings_are_applied(
    fetcher: Fetcher, certificate: Path, tls_url: str, tls: dict[str, object]
) -> None:
    fetched = await fetcher.fetch(target(tls_url, certificate, tls_config=tls))
    assert fetched.body == b"a 1\n"


async def test_certificate_and_key_may_be_inline(
    fetcher: Fetcher, certificate: Path, tls_url: str
) -> None:
    texts = {
        name: await asyncio.to_thread((certificate / f"{name}.pem").read_text)
        for name in ("cert", "key")
    }
    tls = {**texts, "ca": texts["cert"], "server_name": "redshank.test"}
    fetched = await fetcher.fetch(target(tls_url, certificate, tls_config=tls))
    assert fetched.body == b"a 1\n"


async def test_invalid_certificate_file_fails_the_fetch(fetcher: Fetcher, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="cannot read"):
        await fetcher.fetch(target("https://127.0.0.1:1/", tmp_path, tls_config={"ca_file": "x"}))
