"""Every series of Debian's node_exporter is queryable with the value in its exposition."""

import math
import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from tests.ports import free_port
from tests.programs import node_exporter
from tests.system.processes import redshank_server, running, until

pytestmark = pytest.mark.peer

SERIES = re.compile(r"^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')
ESCAPES = {r"\\": "\\", r"\"": '"', r"\n": "\n"}

Exposition = dict[tuple[str, frozenset[tuple[str, str]]], float]


def _normalised(name: str, value: str) -> str:
    # Prometheus 3 normalises bounds of every format: quantile="1" is "1.0".
    return repr(float(value)) if name in ("le", "quantile") else value


def read(text: str) -> Exposition:
    """Parse an exposition with code that is independent of the code under test."""
    found: Exposition = {}
    for line in text.splitlines():
        if line.startswith("#") or not line:
            continue
        match = SERIES.match(line)
        assert match, line
        name, labels, value = match.groups()
        pairs = frozenset(
            (key, _normalised(key, re.sub(r"\\.", lambda escape: ESCAPES[escape[0]], escaped)))
            for key, escaped in LABEL.findall(labels or "")
            if escaped
        )
        found[name, pairs] = float(value)
    return found


@pytest.fixture
async def exposition() -> AsyncIterator[str]:
    """The exposition of one scrape of node_exporter."""
    address = f"127.0.0.1:{free_port()}"
    async with running(node_exporter(), f"--web.listen-address={address}") as exporter:
        await exporter.line(r"[Ll]istening on.*" + re.escape(address))
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://{address}/metrics") as response,
        ):
            yield await response.text()


async def test_every_series_is_queryable_with_its_value(exposition: str, tmp_path: Path) -> None:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(text=exposition)

    app = web.Application()
    app.router.add_get("/metrics", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    instance = f"127.0.0.1:{runner.addresses[0][1]}"
    job = {"name": "peer", "targets": [instance]}
    settings = {"scrape": {"interval": "1s", "timeout": "1s", "jobs": [job]}}
    try:
        async with redshank_server(tmp_path / "data", settings) as server:

            async def up() -> bool:
                return bool(await server.query('up{job="peer"} == 1'))

            await until(up, "the peer to be scraped")
            stored: Exposition = {}
            for series in await server.query('{job="peer"}'):
                labels = series["metric"]
                name = labels.pop("__name__")
                assert labels.pop("job") == "peer"
                assert labels.pop("instance") == instance
                stored[name, frozenset(labels.items())] = float(series["value"][1])
    finally:
        await runner.cleanup()
    synthetic = {name for name, _ in stored if name == "up" or name.startswith("scrape_")}
    expected = read(exposition)
    assert len(expected) > 300
    assert {key for key in stored if key[0] not in synthetic} == set(expected)
    for key, value in expected.items():
        assert stored[key] == value or (math.isnan(stored[key]) and math.isnan(value)), key
