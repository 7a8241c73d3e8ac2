"""A server that starts on a read-only file system is awake, and returns to it by itself."""

import asyncio
import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.system.processes import Server, redshank, redshank_server, until
from tests.system.test_faults import small_disk

__all__ = ["small_disk"]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

SETTINGS = {"scrape": {"interval": "1s", "timeout": "1s"}}


async def remount(disk: Path, mode: str) -> None:
    await asyncio.to_thread(
        subprocess.run, ["mount", "-o", f"remount,{mode}", str(disk)], check=True
    )


async def import_samples(tmp_path: Path, data: Path, time_s: int) -> None:
    """Write a sample into a window file."""
    file = tmp_path / "old.om"
    await asyncio.to_thread(file.write_text, f"# TYPE old gauge\nold 7 {time_s}\n# EOF\n")
    async with redshank("store", "import", str(file), "--data-dir", str(data)) as process:
        assert await process.process.wait() == 0, process.output


async def scrapes(server: Server) -> int:
    """Return how many scrapes of the server itself the store has."""
    found = await server.query('count_over_time(up{job="redshank"}[1h])')
    return int(found[0]["value"][1]) if found else 0


@pytest.mark.parametrize("small_disk", ["64m"], indirect=True)
@pytest.mark.parametrize("killed", [True, False], ids=["after kill -9", "after a stop"])
@pytest.mark.fault("data_directory_read_only")
async def test_start_on_a_read_only_disk_is_degraded_until_the_disk_can_be_written(
    tmp_path: Path, small_disk: Path, killed: bool
) -> None:
    data, old_s = small_disk / "data", int(time.time()) - 86_400
    await import_samples(tmp_path, data, old_s)
    async with redshank_server(data, SETTINGS) as server:
        await until(lambda: scrapes(server), "the first scrape")
        await (server.process.kill() if killed else server.process.stop())
    await remount(small_disk, "ro")
    async with redshank_server(data, SETTINGS, configuration=tmp_path / "c.yml") as server:
        await awake_without_disk(server, old_s)
        stored = await scrapes(server)
        await remount(small_disk, "rw")
        await server.process.line(r"server_stopped")
        moved = await until(lambda: last_url(server), "the second start")
        again = Server(server.process, moved, server.session)
        assert (await again.get("/health"))["status"] == "healthy"
        # The session and the samples of the time without a disk are there.
        assert await scrapes(again) >= stored
        await until(lambda: more_than(again, stored), "scrapes that go on")
        assert await server.process.stop() == 0
    assert "records.db.new" not in await asyncio.to_thread(os.listdir, data)


async def awake_without_disk(server: Server, old_s: int) -> None:
    health = await server.get("/health")
    assert [one["condition"] for one in health["conditions"]] == ["data_directory_read_only"]
    before = await scrapes(server)
    await until(lambda: more_than(server, before + 1), "scrapes")
    old = await server.get("/api/v1/query", query="old", time=str(old_s + 1))
    assert old["data"]["result"][0]["value"][1] == "7"

    async def alert() -> bool:
        alerts: dict[str, Any] = await server.get("/api/v1/alerts")
        return "data_directory_read_only" in json.dumps(alerts)

    await until(alert, "the alert about the condition")


async def more_than(server: Server, count: int) -> bool:
    return await scrapes(server) > count


async def last_url(server: Server) -> str | None:
    """Return the URL of the second start, once it is announced."""
    urls = [line.split()[1] for line in server.process.lines if line.startswith("  Redshank ")]
    return urls[1] if len(urls) > 1 else None
