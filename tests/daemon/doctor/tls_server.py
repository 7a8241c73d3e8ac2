"""A server with a certificate of a local authority, for the doctor's tests."""

import asyncio
import datetime as dt
import ssl
from pathlib import Path

from aiohttp import web
from pytest_aiohttp import AiohttpServer

from daemon.certificates import CertificateAuthority
from daemon.data_directory import DataDirectory


def tls_context(folder: Path, *, asks_for_certificate: bool) -> ssl.SSLContext:
    """Return the context of a server at 127.0.0.1."""
    now = dt.datetime.now(dt.UTC)
    directory = DataDirectory(folder)
    issued = CertificateAuthority.open(directory, now).issue(["127.0.0.1"], now, 1)
    (folder / "cert.pem").write_bytes(issued.certificate)
    (folder / "key.pem").write_bytes(issued.key)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    if asks_for_certificate:
        context.load_verify_locations(directory.authority)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


async def tls_server(
    aiohttp_server: AiohttpServer, folder: Path, *, asks_for_certificate: bool = False
) -> str:
    """Serve `/health` and `/metrics` over HTTPS and return the address."""

    async def health(_: web.Request) -> web.Response:
        return web.json_response({"ok": True, "version": "1.2", "uptime_s": 1})

    app = web.Application()
    app.router.add_get("/health", health)
    app.router.add_get("/metrics", health)
    context = await asyncio.to_thread(
        tls_context, folder, asks_for_certificate=asks_for_certificate
    )
    server = await aiohttp_server(app, ssl=context)
    return f"127.0.0.1:{server.port}"
