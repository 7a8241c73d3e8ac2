"""HTTPS by the server itself: web.tls, a web configuration file, mTLS, redirects, renewal."""

import asyncio
import base64
import json
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import bcrypt
import pytest

from tests.certificates import Authority, Pair
from tests.ports import free_port
from tests.system.processes import Process, redshank, until

pytestmark = pytest.mark.slow


@dataclass
class HttpsServer:
    """A running server, and a client that trusts its authority."""

    process: Process
    port: int
    authority: Authority

    async def get(
        self,
        path: str,
        own: Pair | None = None,
        password: str = "",
    ) -> aiohttp.ClientResponse:
        context = ssl.create_default_context(cafile=str(self.authority.cert))
        if own is not None:
            await asyncio.to_thread(context.load_cert_chain, own.cert, own.key)
        connector = aiohttp.TCPConnector(ssl=context)
        async with aiohttp.ClientSession(connector=connector) as session:
            url = f"https://127.0.0.1:{self.port}{path}"
            pair = base64.b64encode(f"grafana:{password}".encode()).decode()
            headers = {"Authorization": f"Basic {pair}"} if password else {}
            async with session.get(url, headers=headers, allow_redirects=False) as answer:
                await answer.read()
                return answer


@asynccontextmanager
async def serving(
    folder: Path, settings: Mapping[str, Any], authority: Authority, *flags: str
) -> AsyncIterator[HttpsServer]:
    file = folder / "redshank.yml"
    await asyncio.to_thread(file.write_text, json.dumps(settings))
    arguments = ["--config", str(file), "--data-dir", str(folder / "data"), *flags]
    async with redshank("server", *arguments, "--listen", "127.0.0.1:0") as process:
        found = await process.line(r"Redshank +https://127\.0\.0\.1:(\d+)")
        yield HttpsServer(process, int(found[1]), authority)


async def _queried(folder: Path, expression: str) -> str:
    """Return what `redshank query` prints through the control socket."""
    flags = ("--data-dir", str(folder / "data"))
    async with redshank("query", expression, *flags) as query:
        await query.process.wait()
    return query.output


async def test_https_with_redirect_hsts_secure_cookies_and_renewal(tmp_path: Path) -> None:
    authority = await asyncio.to_thread(Authority, tmp_path)
    await asyncio.to_thread(authority.issue, "a", "127.0.0.1")
    plain = f"127.0.0.1:{free_port()}"
    tls = {"cert_file": "a.pem", "key_file": "a-key.pem", "redirect_from": plain}
    async with serving(tmp_path, {"web": {"tls": tls}}, authority) as server:
        answer = await server.get("/health")
        assert answer.status == 200
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
        url = f"http://{plain}/api/fleet?x=1"
        async with aiohttp.ClientSession() as session:
            async with session.get(url, allow_redirects=False) as redirected:
                assert redirected.status == 308
                assert redirected.headers["Location"] == (
                    f"https://127.0.0.1:{server.port}/api/fleet?x=1"
                )
            with pytest.raises(aiohttp.ClientError):
                await session.get(f"http://127.0.0.1:{server.port}/health")

        async def scraped() -> bool:
            return "\t1" in await _queried(tmp_path, 'up{job="redshank"} == 1')

        await until(scraped, "the server to scrape itself")

        first = (tmp_path / "a.pem").read_bytes()
        await asyncio.to_thread(authority.issue, "a", "127.0.0.1")
        await server.process.line("web_config_reloaded")
        assert (tmp_path / "a.pem").read_bytes() != first
        assert (await server.get("/health")).status == 200
        await asyncio.to_thread((tmp_path / "a.pem").write_text, "broken")
        refused = await server.process.line("web_config_refused")
        assert "a.pem" in refused.string
        assert (await server.get("/health")).status == 200


async def test_a_web_configuration_file_asks_for_certificates_and_passwords(
    tmp_path: Path,
) -> None:
    authority = await asyncio.to_thread(Authority, tmp_path)
    await asyncio.to_thread(authority.issue, "a", "127.0.0.1")
    own = await asyncio.to_thread(authority.issue, "b", "grafana.example")
    other = await asyncio.to_thread(authority.issue, "c", "other.example")
    hashed = bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode()
    document = {
        "tls_server_config": {
            "cert_file": "a.pem",
            "key_file": "a-key.pem",
            "client_auth_type": "RequireAndVerifyClientCert",
            "client_ca_file": "ca.pem",
            "client_allowed_sans": ["grafana.example"],
        },
        "basic_auth_users": {"grafana": hashed},
        "http_server_config": {"headers": {"X-Frame-Options": "sameorigin"}},
    }
    file = tmp_path / "web.yml"
    await asyncio.to_thread(file.write_text, json.dumps(document))
    flags = ("--web.config.file", str(file))
    async with serving(tmp_path, {}, authority, *flags) as server:
        answer = await server.get("/api/v1/query?query=1", own, "secret")
        assert answer.status == 200
        assert answer.headers["X-Frame-Options"] == "sameorigin"
        assert (await server.get("/api/v1/query?query=1", own, "wrong")).status == 401
        assert (await server.get("/metrics", own)).status == 401
        for client in (None, other):
            with pytest.raises(aiohttp.ClientError):
                await server.get("/health", client)


async def test_an_invalid_file_ends_the_start_with_its_key(tmp_path: Path) -> None:
    settings = {"web": {"tls": {"cert_file": "a.pem"}}}
    file = tmp_path / "redshank.yml"
    await asyncio.to_thread(file.write_text, json.dumps(settings))
    async with redshank("server", "--config", str(file), "--data-dir", str(tmp_path)) as process:
        await process.line("redshank.yml:1: web.tls: key_file: is missing")
        assert await process.process.wait() == 1
    settings = {"web": {"tls": {"cert_file": "a.pem", "key_file": "b.pem"}}}
    await asyncio.to_thread(file.write_text, json.dumps(settings))
    async with redshank("server", "--config", str(file), "--data-dir", str(tmp_path)) as process:
        await process.line("web.tls: cert_file: cannot read .*/a.pem: No such file")
        assert await process.process.wait() == 1
