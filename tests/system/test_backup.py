"""A server on a restored backup has the data of the server that was backed up."""

import json
import time
from pathlib import Path

import pytest

from tests.system.processes import Server, redshank, redshank_exporter, redshank_server, until


async def run(*arguments: str) -> tuple[int, str]:
    async with redshank(*arguments) as process:
        await process.process.wait()
    return process.process.returncode or 0, process.output


async def samples(server: Server, until_s: float) -> list[list[object]]:
    """Return time and value of every scrape of the host so far."""
    query = "node_uname_info[1m]"
    answer = await server.get("/api/v1/query", query=query, time=str(until_s))
    result = answer["data"]["result"]
    return result[0]["values"] if result else []


@pytest.mark.slow
async def test_restored_backup_of_a_running_server_has_its_data(tmp_path: Path) -> None:
    data, again, file = tmp_path / "data", tmp_path / "again", tmp_path / "backup.tar"
    async with redshank_exporter() as (_, address):
        settings = {
            "scrape": {
                "interval": "1s",
                "timeout": "1s",
                "jobs": [{"name": "node", "hosts": True, "targets": [address]}],
            }
        }
        async with redshank_server(data, settings) as server:
            await server.post("/api/hosts", {"name": "spare", "url": "127.0.0.1:1"}, 201)
            rule = {"alert": "Quiet", "expr": "absent(nothing)", "for": "1h"}
            group = {"name": "mine", "rules": [rule]}
            await server.post("/api/rules/groups", {"group": group}, 201)

            async def scraped() -> list[list[object]]:
                found = await samples(server, time.time())
                return found if len(found) > 3 else []

            # Of four scrapes the first is certainly committed.
            first = (await until(scraped, "four scrapes"))[0]
            status, output = await run("backup", str(file), "--data-dir", str(data))
            assert status == 0, output
            refused, output = await run("backup", str(file), "--data-dir", str(data))
            assert (refused, output) == (1, f"Error: {file} exists already")
    refused, output = await run("restore", str(file), "--data-dir", str(data))
    assert refused == 1
    assert "is not empty" in output
    status, output = await run("restore", str(file), "--data-dir", str(again))
    assert status == 0, output
    status, output = await run("store", "verify", "--data-dir", str(again))
    assert status == 0, output
    async with redshank_server(again) as server:
        assert await samples(server, float(first[0])) == [first]
        hosts = (await server.get("/api/hosts"))["hosts"]
        assert [host["name"] for host in hosts] == ["spare"]
        groups = (await server.get("/api/v1/rules", **{"file[]": "records.db"}))["data"]["groups"]
        assert [(each["name"], each["rules"][0]["name"]) for each in groups] == [("mine", "Quiet")]
        lines = [json.loads(line) for line in server.process.lines if line[:1] == "{"]
        assert {line["event"] for line in lines if line["level"] != "info"} <= {"scrape_failed"}
