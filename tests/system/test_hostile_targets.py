"""A hostile exposition affects its own target only; the targets page shows the reason."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.system.processes import redshank_server, until

TEXT = "text/plain; version=0.0.4"
MEGABYTE = 2**20

# path → (body, a word of the reason that must be shown)
HOSTILE = {
    "open_quote": (b'a{b="c} 1\n', "not closed"),
    "no_value": (b'a{b="c"}\n', "expected a value"),
    "nul": (b'a{b="\x00\xff"} 1\n', ""),
    "no_text": (b"\x89PNG\r\n\x1a\n\x00\x00", ""),
    "long_label": (b'a{b="' + b"x" * (20 * MEGABYTE) + b'"} 1\n', "longer than"),
}


async def _body(request: web.Request) -> web.Response:
    body, _ = HOSTILE[request.match_info["name"]]
    return web.Response(body=body, headers={"Content-Type": TEXT})


async def _gigabyte(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": TEXT})
    await response.prepare(request)
    block = b"".join(b'filler{n="%d"} 1\n' % n for n in range(50_000))
    for _ in range(1024 * MEGABYTE // len(block)):
        await response.write(block)
    return response


async def _drip(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": TEXT})
    await response.prepare(request)
    while True:
        await response.write(b"#")
        await asyncio.sleep(0.1)


async def _picture(_request: web.Request) -> web.Response:
    return web.Response(body=b"a 1\n", headers={"Content-Type": "image/png"})


async def _good(_request: web.Request) -> web.Response:
    return web.Response(body=b"good 1\n", headers={"Content-Type": TEXT})


@pytest.fixture
async def address() -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get("/hostile/{name}", _body)
    app.router.add_get("/gigabyte", _gigabyte)
    app.router.add_get("/drip", _drip)
    app.router.add_get("/picture", _picture)
    app.router.add_get("/good", _good)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


def peak_memory_kb(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in status if "VmHWM" in line).split()[1])


@pytest.mark.slow
async def test_hostile_targets_are_down_with_a_reason_and_others_go_on(
    address: str, tmp_path: Path
) -> None:
    paths = [f"/hostile/{name}" for name in HOSTILE] + ["/gigabyte", "/drip", "/picture", "/good"]
    jobs = [{"name": path, "metrics_path": path, "targets": [address]} for path in paths]
    settings = {"scrape": {"interval": "1s", "timeout": "1s", "jobs": jobs}}
    async with redshank_server(tmp_path / "data", settings) as server:

        async def judged() -> dict[str, Any] | None:
            active = (await server.get("/api/v1/targets"))["data"]["activeTargets"]
            found = {t["labels"]["job"]: t for t in active if t["labels"]["job"] in paths}
            done = len(found) == len(paths) and all(
                target["health"] != "unknown" for target in found.values()
            )
            return found if done else None

        found = await until(judged, "every target to be scraped")
        assert found["/good"]["health"] == "up"
        for path in paths:
            if path != "/good":
                assert found[path]["health"] == "down", path
                assert found[path]["lastError"], path
        for name, (_, word) in HOSTILE.items():
            assert word in found[f"/hostile/{name}"]["lastError"]

        async def goes_on() -> bool:
            result = await server.query("count_over_time(good[30s])")
            return bool(result) and float(result[0]["value"][1]) >= 4

        await until(goes_on, "the good target to be scraped on")
        # On a busy machine the server's scrape of itself may take longer than its second.
        down = {series["metric"]["job"] for series in await server.query("up == 0")}
        assert down - {"redshank"} == set(paths) - {"/good"}
        peak_kb = await asyncio.to_thread(peak_memory_kb, server.process.process.pid)
        assert peak_kb < 600 * 1024, "a hostile body must not be kept in memory"
        assert await server.process.stop() == 0
