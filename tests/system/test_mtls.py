"""The commands of docs/exporter.md: certificates of one's own, and scrapes by mTLS."""

import asyncio
import ssl
from pathlib import Path

import aiohttp
import pytest

from tests.system.processes import redshank, redshank_server, until

pytestmark = pytest.mark.slow


async def test_the_server_scrapes_an_exporter_that_refuses_everybody_else(tmp_path: Path) -> None:
    data, out = tmp_path / "data", tmp_path / "web-1"
    issue = ("cert", "127.0.0.1", "--out", str(out), "--data-dir", str(data))
    async with redshank(*issue) as command:
        assert await command.process.wait() == 0, command.output
    flags = ("--listen", "127.0.0.1:0", "--web.config.file", str(out / "web.yml"))
    async with redshank("exporter", *flags) as exporter:
        port = (await exporter.line(r"exporter_listening host=127\.0\.0\.1 port=(\d+)"))[1]
        job = {
            "name": "node",
            "hosts": True,
            "scheme": "https",
            "targets": [f"127.0.0.1:{port}"],
        }
        scrape = {"interval": "1s", "timeout": "1s", "mtls": True, "jobs": [job]}
        async with redshank_server(data, {"scrape": scrape}) as server:
            await until(lambda: server.query('up{job="node"} == 1'), "a scrape by mTLS")

            context = ssl.create_default_context(cafile=str(out / "ca.pem"))
            async with aiohttp.ClientSession() as session:
                with pytest.raises(aiohttp.ClientError):
                    await session.get(f"https://127.0.0.1:{port}/metrics", ssl=context)
                # Nor does an exporter's own certificate open another exporter.
                pair = (out / "cert.pem", out / "key.pem")
                await asyncio.to_thread(context.load_cert_chain, *pair)
                with pytest.raises(aiohttp.ClientError):
                    await session.get(f"https://127.0.0.1:{port}/metrics", ssl=context)

            body = {"name": "web-1", "url": f"https://127.0.0.1:{port}/metrics?collect[]=loadavg"}
            await server.post("/api/hosts", body, 201)
            added = 'up{job="node",instance="web-1"} == 1 or up{host="web-1"} == 1'
            await until(lambda: server.query(f"count(up == 1) >= 3 or {added}"), "the added host")

            # Renewal: the same command, while both run.
            async with redshank(*issue) as command:
                assert await command.process.wait() == 0, command.output
            await exporter.line("web_config_reloaded")
            await until(lambda: server.query('up{job="node"} == 1'), "a scrape after the renewal")
