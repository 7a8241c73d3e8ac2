"""The command line against a running server, through its control socket."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.system.processes import Server, redshank, redshank_exporter, redshank_server, until


async def run(data: Path, *arguments: str) -> tuple[int, str]:
    environment = {"REDSHANK_DATA_DIR": str(data)}
    async with redshank(*arguments, environment=environment) as process:
        async with asyncio.timeout(60):
            status = await process.process.wait()
    return status, process.output


async def test_host_is_added_seen_and_removed(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with redshank_exporter() as (_, address), redshank_server(data) as server:
        status, output = await run(data, "host", "add", "web-1", address)
        added, *installation = output.splitlines()
        assert (status, added) == (0, f"added web-1: http://{address}/metrics")
        assert any("redshank-exporter.pyz install)" in line for line in installation)
        assert installation[-1].startswith("Warning: No other host reaches http://127.0.0.1:")

        async def scraped() -> bool:
            return bool(await server.query("node_uname_info"))

        await until(scraped, "the new host to be scraped")

        async def listed_as_up() -> bool:
            line = f"web-1\tup\thttp://{address}/metrics"
            return line in (await run(data, "host", "list"))[1]

        await until(listed_as_up, "the list to show the host as up")
        status, output = await run(data, "host", "add", "web-1", "10.0.0.5")
        assert (status, output) == (1, "Error: name: a host 'web-1' exists already")
        assert await run(data, "host", "remove", "web-1") == (0, "removed web-1")
        assert "web-1" not in (await run(data, "host", "list"))[1]


@pytest.mark.slow
async def test_query_prints_table_json_and_csv(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with redshank_server(data):
        status, output = await run(data, "query", "1 + 1", "--time", "10")
        assert (status, output) == (0, "\t10\t2")
        _, output = await run(data, "query", "vector(3)", "--time", "10", "--format", "json")
        assert json.loads(output)["result"] == [{"metric": {}, "value": [10, "3"]}]
        arguments = ["--start", "0", "--end", "60", "--step", "30s", "--format", "csv"]
        _, output = await run(data, "query", "time()", *arguments)
        assert output.splitlines()[1:] == ["{},0,0", "{},30,30", "{},60,60"]
        status, output = await run(data, "query", "sum(")
        assert status == 1
        assert output.splitlines()[0] == "Error: 1:5: parse error: unclosed left parenthesis"
        status, output = await run(data, "query", "time()", "--last", "1m", "--step", "30s")
        assert (status, len(output.splitlines())) == (0, 3)
        status, output = await run(data, "query", "time()", "--last", "1m", "--time", "3")
        assert status == 2
        assert await run(data, "query", "missing") == (0, "no series")
        status, output = await run(data, "query", "rate(missing[5m])", "--last", "soon")
        assert status == 2


@pytest.mark.slow
async def test_user_is_added_gets_a_new_password_and_is_removed(tmp_path: Path) -> None:
    data = tmp_path / "data"

    async def can_log_in(server: Server, password: str) -> bool:
        body = {"username": "bo", "password": password}
        async with server.session.post(server.url + "/auth/token", json=body) as response:
            return response.status == 200

    async with redshank_server(data) as server:
        status, output = await run(data, "user", "add", "bo", "--password", "first password")
        assert (status, output) == (0, "added bo (viewer)")
        assert await can_log_in(server, "first password")
        await run(data, "user", "password", "bo", "--password", "second password")
        assert not await can_log_in(server, "first password")
        assert await can_log_in(server, "second password")
        assert "bo\tviewer" in (await run(data, "user", "list"))[1]
        assert await run(data, "user", "role", "bo", "editor") == (0, "bo is editor")
        status, output = await run(data, "user", "role", "admin", "viewer")
        assert (status, output) == (1, "Error: admin is the last admin")
        status, token = await run(data, "user", "token", "bo", "--scope", "push", "--label", "pi")
        assert (status, len(token)) == (0, 43)
        assert "bearer\tpush\t" in (await run(data, "user", "sessions", "bo"))[1]
        _, output = await run(data, "user", "rotate-keys")
        assert output == "signing with a new key"
        assert (await server.get("/api/session"))["user"]["name"] == "admin"
        assert "all signed tokens" in (await run(data, "user", "rotate-keys", "--at-once"))[1]
        async with server.session.get(server.url + "/api/session") as response:
            assert response.status == 401
        # One login with the second password, and the token.
        output = (await run(data, "user", "end-sessions", "bo"))[1]
        assert output == "2 sessions and tokens of bo ended"
        assert await run(data, "user", "remove", "bo") == (0, "removed bo")
    assert (data / "keys.json").stat().st_mode & 0o777 == 0o600


async def test_without_a_server_the_command_says_how_to_start_one(tmp_path: Path) -> None:
    status, output = await run(tmp_path, "host", "list")
    assert status == 1
    assert "start one with `redshank server`" in output


@pytest.mark.slow
async def test_doctor_finds_what_is_wrong(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with redshank_exporter() as (exporter, address), redshank_server(data) as server:
        await run(data, "host", "add", "web-1", address)
        status, output = await run(data, "doctor")
        assert status == 0, output
        assert f"target node {address}: answered in" in output
        assert "database records.db: sound" in output
        assert "server: version" in output
        await exporter.kill()
        status, output = await run(data, "doctor")
        assert status == 1
        [line] = [line for line in output.splitlines() if line.startswith("fail")]
        assert line.startswith(f"fail  target node {address}: http://{address}/metrics: cannot")
        assert "is the exporter running there" in line
        elsewhere = tmp_path / "elsewhere"
        listen = server.url.removeprefix("http://")
        status, output = await run(elsewhere, "doctor", "--listen", listen)
        assert status == 0
        assert "which uses another data directory" in output


async def test_doctor_reports_each_error_of_the_configuration_on_a_line(tmp_path: Path) -> None:
    file = tmp_path / "redshank.yml"
    file.write_text("scrape: {jobs: [{name: a, targts: [b]}]}\nlog: {level: loud}\n")
    status, output = await run(tmp_path / "data", "doctor", "--config", str(file))
    assert status == 1
    assert f"fail  configuration: {file}:1: scrape.jobs.0.targts: unknown key" in output
    assert f"fail  configuration: {file}:2: log.level: Input should be" in output
    assert output.count("fail") == 2
