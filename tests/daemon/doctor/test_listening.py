import socket
from pathlib import Path

from aiohttp import web
from pytest_aiohttp import AiohttpServer

from daemon.doctor.findings import Verdict
from daemon.doctor.listening import examine_listen, redshank_answers
from model.addresses import ListenAddress
from tests.daemon.doctor.tls_server import tls_server


async def test_free_address_is_good() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    finding = await examine_listen(f"127.0.0.1:{port}")
    assert (finding.verdict, finding.detail) == (Verdict.GOOD, "free; no server runs")


async def test_address_of_another_program_is_bad_and_has_a_remedy(
    aiohttp_server: AiohttpServer,
) -> None:
    other = await aiohttp_server(web.Application())
    finding = await examine_listen(f"127.0.0.1:{other.port}")
    assert finding.verdict is Verdict.BAD
    assert "--listen" in finding.remedy


async def test_address_of_a_redshank_with_another_data_directory_is_a_warning(
    aiohttp_server: AiohttpServer,
) -> None:
    async def health(_: web.Request) -> web.Response:
        return web.json_response({"ok": True, "version": "1.2", "uptime_s": 1})

    app = web.Application()
    app.router.add_get("/health", health)
    server = await aiohttp_server(app)
    finding = await examine_listen(f"127.0.0.1:{server.port}")
    assert finding.verdict is Verdict.WARNING
    assert "--data-dir" in finding.remedy


async def test_a_redshank_with_https_answers(aiohttp_server: AiohttpServer, tmp_path: Path) -> None:
    address = await tls_server(aiohttp_server, tmp_path)
    assert await redshank_answers(ListenAddress.parse(address))
