"""A running server with a full or read-only disk, damaged files, or missing permissions."""

import asyncio
import json
import os
import re
import resource
import shutil
import sqlite3
import subprocess
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, closing, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.system.processes import (
    Server,
    redshank,
    redshank_exporter,
    redshank_server,
    until,
)

SAMPLES = "sum(count_over_time(node_load1[1h]))"


def settings(address: str) -> dict[str, Any]:
    job = {"name": "node", "targets": [address]}
    return {
        "scrape": {"interval": "200ms", "timeout": "200ms", "jobs": [job]},
        "storage": {"commit_interval": "100ms", "chunk_vectors": 2},
        "log": {"format": "json"},
    }


def events(server: Server) -> dict[str, dict[str, Any]]:
    """Return the last log line of each event."""
    lines = [json.loads(line) for line in server.process.lines if line[:1] == "{"]
    return {line["event"]: line for line in lines}


async def metric(server: Server, name: str) -> float:
    async with server.session.get(server.url + "/metrics") as response:
        assert response.status == 200, await response.text()
        text = await response.text()
    return float(next(line.split()[1] for line in text.splitlines() if line.startswith(name)))


async def samples(server: Server) -> float:
    result = await server.query(SAMPLES)
    return float(result[0]["value"][1]) if result else 0


async def logged(server: Server, event: str) -> dict[str, Any]:
    """Wait for a line of the log, and check that it has a `fix`."""
    await server.process.line(f'"event": "{event}"')
    line = events(server)[event]
    assert line["fix"]
    return line


async def more_samples(server: Server, count: int) -> float:
    """Wait until there are this many more samples, and return their number."""
    before = await samples(server)

    async def grown() -> float:
        now = await samples(server)
        return now if now >= before + count else 0

    found: float = await until(grown, f"{count} more samples")
    return found


async def refused_and_recovers(server: Server, lift: Any) -> None:
    """While writes fail, the log says so and queries go on; after `lift` no sample is missing."""
    line = await logged(server, "journal_commit_failed")
    assert "journal.db" in line["file"]
    assert await metric(server, "redshank_store_failed_writes_total") > 0
    await more_samples(server, 5)
    lift()
    await server.process.line('"event": "journal_commits_again"')


@asynccontextmanager
async def filled(data: Path, under: Sequence[str] = ()) -> AsyncIterator[tuple[str, Server]]:
    """Run a server that has scraped an exporter; yield both, the exporter as its address."""
    async with (
        redshank_exporter() as (_, address),
        redshank_server(data, settings(address), under=under) as server,
    ):
        await more_samples(server, 5)
        yield address, server


async def scrapes_in(server: Server, start_s: float, end_s: float) -> list[float]:
    """Return the timestamps of the exporter's samples, in order."""
    query = f"node_load1[{max(1, round(end_s - start_s))}s]"
    answer = await server.get("/api/v1/query", query=query, time=f"{end_s:.3f}")
    (series,) = answer["data"]["result"]
    return [float(time_s) for time_s, _ in series["values"]]


@pytest.mark.slow
async def test_file_size_limit_stops_nothing_and_all_samples_are_stored_later(
    tmp_path: Path,
) -> None:
    data = tmp_path / "data"
    begun_s = time.time()
    async with filled(data) as (address, server):
        pid = server.process.process.pid
        usual = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        # Like a full disk: writes that would make a file longer than the limit fail.
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, usual[1]))
        await refused_and_recovers(
            server, lambda: resource.prlimit(pid, resource.RLIMIT_FSIZE, usual)
        )
        await more_samples(server, 5)
        end_s = time.time()
        before = await scrapes_in(server, begun_s, end_s)
        await asyncio.sleep(0.3)  # the journal's interval: what was scraped is committed
        await server.process.kill()
    assert max(after - one for one, after in pairwise(before)) < 2
    status, told = await command("store", "verify", "--data-dir", str(data))
    assert status == 0, told
    async with redshank_server(data, settings(address)) as server:
        assert await scrapes_in(server, begun_s, end_s) == before


async def command(*arguments: str) -> tuple[int, str]:
    async with redshank(*arguments) as process:
        await process.process.wait()
    return process.process.returncode or 0, process.output


@pytest.fixture
def small_disk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """Mount a file system of 4 MB, or of another size that is the fixture's parameter."""
    size = getattr(request, "param", "4m")
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]
    if os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a tmpfs needs root's rights")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(filler: Path) -> None:
    """Fill the file system completely."""
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))


@pytest.mark.slow
async def test_full_disk_stops_nothing_and_all_samples_are_stored_once_there_is_room(
    tmp_path: Path, small_disk: Path
) -> None:
    begun_s = time.time()
    async with filled(small_disk / "data") as (_, server):
        filler = small_disk / "filler"
        await asyncio.to_thread(fill, filler)
        await refused_and_recovers(server, filler.unlink)
        await more_samples(server, 5)
        times = await scrapes_in(server, begun_s, time.time())
        assert max(after - one for one, after in pairwise(times)) < 2


def bound_by_modes() -> list[str]:
    """Return the wrapper that makes file modes apply to a command although we are root."""
    if os.geteuid():
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("modes do not bind root, and setpriv is not there")
    return ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]


@pytest.mark.parametrize(
    "locked",
    [
        pytest.param(".", marks=pytest.mark.slow),
        pytest.param("journal.db", marks=pytest.mark.slow),
        pytest.param("records.db", marks=pytest.mark.slow),
    ],
)
async def test_error_about_read_only_data_says_what_to_do(tmp_path: Path, locked: str) -> None:
    data = tmp_path / "data"
    async with redshank_server(data) as server:
        await server.process.stop()
    mode = (data / locked).stat().st_mode
    (data / locked).chmod(0o500 if locked == "." else 0o400)
    arguments = ["server", "--data-dir", str(data), "--listen", "127.0.0.1:0"]
    async with redshank(*arguments, under=bound_by_modes()) as process:
        await process.process.wait()
    assert process.process.returncode == 1
    assert "Traceback" not in process.output
    assert (str(data) if locked == "." else locked) in process.output
    assert re.search("not writable|readonly", process.output)
    (data / locked).chmod(mode)
    async with redshank_server(data):
        pass


@pytest.mark.slow
async def test_directory_that_becomes_read_only_delays_sealing_only(tmp_path: Path) -> None:
    data = tmp_path / "data"
    samples_directory = data / "samples"
    async with filled(data, under=bound_by_modes()) as (_, server):
        # The first chunks have no file yet.
        samples_directory.chmod(0o500)
        line = await logged(server, "sealing_failed")
        assert "unable to open database file" in line["error"]
        assert await metric(server, "redshank_store_failed_writes_total") > 0
        await more_samples(server, 5)
        samples_directory.chmod(0o700)
        await server.process.line('"event": "sealing_again"')
        assert list(samples_directory.glob("*.db"))


@pytest.mark.slow
async def test_corrupted_chunk_is_logged_once_and_the_rest_is_served(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with filled(data) as (_, server):
        await more_samples(server, 20)
    status, told = await command("store", "compact", "--data-dir", str(data))
    assert status == 0, told
    (window,) = (data / "samples").glob("*.db")
    with closing(sqlite3.connect(window)) as connection, connection:
        (number,) = connection.execute(
            "select id from metrics where name = 'node_load1'"
        ).fetchone()
        connection.execute(
            "update pieces_2 set data = zeroblob(length(data)) where key >> 20 & 524287 = ?",
            (number,),
        )
    async with redshank_server(data, settings("127.0.0.1:1")) as server:
        for _ in range(3):
            assert await server.query(SAMPLES) == []
        line = await logged(server, "chunk_corrupt")
        assert line["file"] == window.name
        assert await metric(server, "redshank_store_corrupt_items_total") == 1
        assert await server.query(SAMPLES.replace("load1", "load5"))
        told_of = [line for line in server.process.lines if "chunk_corrupt" in line]
        assert len(told_of) == 1


@pytest.mark.slow
async def test_truncated_journal_is_set_aside_and_the_chunks_are_served(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with filled(data) as (address, server):
        await more_samples(server, 20)
    status, told = await command("store", "compact", "--data-dir", str(data))
    assert status == 0, told
    async with redshank_exporter() as (_, address):
        async with redshank_server(data, settings(address)) as server:
            await more_samples(server, 20)
            await server.process.stop()
        journal = data / "journal.db"
        os.truncate(journal, journal.stat().st_size // 2 // 4096 * 4096)
        async with redshank_server(data, settings(address)) as server:
            line = await logged(server, "journal_replaced")
            assert line["file"] == "journal.db"
            assert (data / line["kept_as"]).exists()
            assert await metric(server, "redshank_store_corrupt_items_total") > 0
            assert await more_samples(server, 5) > 25
        status, told = await command("store", "verify", "--data-dir", str(data))
        assert status == 0, told


async def test_error_about_damaged_records_says_what_to_do(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "records.db").write_bytes(b"\xa5" * 8192)
    status, told = await command("server", "--data-dir", str(data), "--listen", "127.0.0.1:0")
    assert status == 1
    assert "Traceback" not in told
    assert "records.db" in told
    assert "restore" in told
    # The damaged file stays: it may be repairable.
    assert (data / "records.db").read_bytes() == b"\xa5" * 8192


@pytest.mark.slow
async def test_wrong_types_in_records_prevent_neither_start_nor_pages(tmp_path: Path) -> None:
    data = tmp_path / "data"
    log = {"log": {"format": "json"}}
    async with redshank_server(data, log) as server:
        await server.post("/api/hosts", {"name": "good", "url": "127.0.0.1:1"}, 201)
        await server.post("/api/hosts", {"name": "bad", "url": "127.0.0.1:2"}, 201)
    with closing(sqlite3.connect(data / "records.db")) as connection, connection:
        connection.execute("update hosts set labels = x'ff00' where name = 'bad'")
    async with redshank_server(data, log) as server:
        hosts = (await server.get("/api/hosts"))["hosts"]
        assert [host["name"] for host in hosts] == ["good"]
        line = await logged(server, "record_damaged")
        assert (line["file"], line["table"]) == ("records.db", "hosts")
        assert await metric(server, "redshank_records_damaged_rows_total") == 1
