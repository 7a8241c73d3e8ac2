"""`redshank events` against a running server, through its control socket."""

import asyncio
import re
from pathlib import Path

import pytest

from tests.system.processes import Server, redshank, redshank_server

pytestmark = pytest.mark.slow


async def run(data: Path, *arguments: str) -> tuple[int, str]:
    environment = {"REDSHANK_DATA_DIR": str(data)}
    async with redshank("events", *arguments, environment=environment) as process:
        async with asyncio.timeout(60):
            status = await process.process.wait()
    return status, process.output


async def project(server: Server, name: str) -> str:
    key: str = (await server.post("/v1/projects", {"name": name}))["projectKey"]
    return key


async def count(server: Server, key: str) -> int:
    events: int = (await server.get("/v1/reports/overview", projectKey=key))["totalEvents"]
    return events


async def test_events_are_exported_imported_and_erased(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with redshank_server(data) as server:
        shop, copy = await project(server, "Shop"), await project(server, "Copy")
        events = [
            {"eventName": "line\nbreak", "userId": f"p{n % 3}", "properties": {"n": n}}
            for n in range(12)
        ]
        await server.post("/v1/events/batch", {"projectKey": shop, "events": events})
        for suffix, known in (("jsonl", 0), ("csv", 12), ("parquet", 12)):
            file = tmp_path / f"events.{suffix}"
            status, output = await run(data, "export", shop, str(file))
            assert (status, bool(re.search(r"wrote .*: \d+ bytes", output))) == (0, True)
            stored = f"stored {12 - known}, known already {known}, refused 0"
            assert await run(data, "import", copy, str(file)) == (0, stored)
        assert await count(server, copy) == 12
        assert await run(data, "erase", copy, "p1", "--yes") == (0, "deleted 4 events")
        assert await count(server, copy) == 8
        bad = tmp_path / "bad.jsonl"
        await asyncio.to_thread(bad.write_text, '{"eventName":"a","userId":"b"}\n{"userId":"b"}\n')
        status, output = await run(data, "import", copy, str(bad))
        assert status == 1
        assert "event 2: eventName: is missing" in output
        status, output = await run(data, "export", "no-such-key", str(tmp_path / "x"))
        assert (status, "not found" in output) == (1, True)
