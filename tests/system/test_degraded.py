"""A server whose disk fails stays awake: it scrapes, alerts, notifies, and says what is wrong."""

import asyncio
import os
import resource
import shutil
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from tests.ports import free_port
from tests.system.processes import (
    ADMIN_PASSWORD,
    Server,
    redshank,
    redshank_exporter,
    redshank_server,
    until,
)
from tests.system.test_faults import fill, small_disk

__all__ = ["small_disk"]

# Each starts two or three processes and waits for several evaluations.
pytestmark = pytest.mark.timeout(300)


@dataclass
class Hook:
    """A webhook that counts what it gets: status and name of each alert."""

    url: str
    got: list[tuple[str, str]] = field(default_factory=list)


@asynccontextmanager
async def running_hook() -> AsyncIterator[Hook]:
    port = free_port()
    hook = Hook(f"http://127.0.0.1:{port}/")

    async def take(request: web.Request) -> web.Response:
        body = await request.json()
        for alert in body["alerts"]:
            labels = alert["labels"]
            hook.got.append((alert["status"], labels.get("condition") or labels["alertname"]))
        return web.Response()

    app = web.Application()
    app.router.add_post("/", take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield hook
    finally:
        await runner.cleanup()


def settings(hook: Hook, *addresses: str) -> dict[str, Any]:
    jobs = [{"name": "node", "targets": list(addresses), "hosts": True}]
    server = {"keep_firing_for": "0s"}
    return {
        "scrape": {"interval": "1s", "timeout": "1s", "jobs": jobs},
        "storage": {"commit_interval": "100ms"},
        "alerting": {
            "evaluation_interval": "500ms",
            # A busy machine misses a scrape or two, which must not look like the fault.
            "checks": {"down": {"for": "5s"}, "server": server},
            "receivers": [{"name": "hook", "type": "webhook", "url": hook.url}],
        },
        "log": {"format": "json"},
    }


async def conditions(server: Server) -> set[str]:
    health = await server.get("/health")
    found = {one["condition"] for one in health["conditions"]}
    assert health["degraded"] == bool(found)
    return found


async def degraded(server: Server, *names: str) -> None:
    async def all_hold() -> bool:
        return set(names) <= await conditions(server)

    await until(all_hold, f"the conditions {names}")


async def well(server: Server) -> None:
    async def none_holds() -> bool:
        return not await conditions(server)

    await until(none_holds, "the server to be well again")


async def notified(hook: Hook, status: str, name: str) -> None:
    async def arrived() -> bool:
        return (status, name) in hook.got

    await until(arrived, f"the notification {status} {name}")


async def log_in(server: Server) -> int:
    credentials = {"username": "admin", "password": ADMIN_PASSWORD}
    async with (
        aiohttp.ClientSession() as session,
        session.post(server.url + "/auth/token", json=credentials) as answer,
    ):
        token = (await answer.json())["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        async with session.get(server.url + "/api/session", headers=headers) as mine:
            return mine.status


async def status_of(server: Server, method: str, path: str, **request: Any) -> int:
    async with server.session.request(method, server.url + path, **request) as answer:
        return answer.status


async def text_of(server: Server, path: str) -> str:
    """Return a page, which needs the session of a browser."""
    form = {"username": "admin", "password": ADMIN_PASSWORD}
    jar = aiohttp.CookieJar(unsafe=True)
    async with (
        aiohttp.ClientSession(cookie_jar=jar) as session,
        session.post(server.url + "/login", data=form) as answer,
    ):
        assert answer.status == 200, await answer.text()
        async with session.get(server.url + path) as page:
            assert page.status == 200
            return await page.text()


async def stays_awake(server: Server, hook: Hook, stop_exporter: Callable[[], Any]) -> None:
    """While the disk refuses writes: rules fire, notifications and logins work, pushes are 503."""
    await degraded(server, "samples_unwritable", "records_unwritable")
    await notified(hook, "firing", "samples_unwritable")
    await stop_exporter()
    await notified(hook, "firing", "HostDown")
    assert await log_in(server) == 200
    assert await status_of(server, "GET", "/health?strict") == 503
    assert "cannot write samples" in await text_of(server, "/targets")
    assert await status_of(server, "POST", "/metrics/job/j", data="a 1\n") == 503
    body = {"name": "late", "url": "127.0.0.1:1"}
    assert await status_of(server, "POST", "/api/hosts", json=body) == 503


async def all_delivered(server: Server) -> bool:
    notifications = (await server.get("/api/notifications"))["notifications"]
    return all(one["delivered_ms"] for one in notifications)


async def recovers(data: Path, server: Server, hook: Hook, stage: dict[str, Any]) -> None:
    """All is well by itself, and neither a restart nor the recovery repeats a notification."""
    await well(server)
    for name in ("samples_unwritable", "records_unwritable"):
        await notified(hook, "resolved", name)
    await until(lambda: all_delivered(server), "all notifications to be delivered")
    await server.process.kill()
    before = list(hook.got)
    async with redshank_server(data, stage) as again:
        await well(again)
        (alert,) = (await again.get("/api/alerts", state="firing"))["alerts"]
        assert alert["labels"]["alertname"] == "HostDown"
        assert await all_delivered(again)
    assert hook.got == before
    assert len(before) == len(set(before)), before
    async with redshank("store", "verify", "--data-dir", str(data)) as verify:
        assert await verify.process.wait() == 0, verify.output


@pytest.mark.slow
@pytest.mark.fault("samples_unwritable", "records_unwritable")
async def test_full_disk_silences_nothing_and_repeats_nothing(small_disk: Path) -> None:
    data, filler = small_disk / "data", small_disk / "filler"
    async with (
        running_hook() as hook,
        redshank_exporter() as (exporter, address),
    ):
        stage = settings(hook, address)
        async with redshank_server(data, stage) as server:
            await until(lambda: server.query("up == 1"), "the first scrape")
            await asyncio.to_thread(fill, filler)
            await stays_awake(server, hook, exporter.stop)
            await asyncio.to_thread(filler.unlink)
            await recovers(data, server, hook, stage)


@pytest.mark.slow
@pytest.mark.fault("samples_unwritable", "records_unwritable")
async def test_file_size_limit_silences_nothing_and_repeats_nothing(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with (
        running_hook() as hook,
        redshank_exporter() as (exporter, address),
    ):
        stage = settings(hook, address)
        async with redshank_server(data, stage) as server:
            await until(lambda: server.query("up == 1"), "the first scrape")
            pid = server.process.process.pid
            usual = resource.prlimit(pid, resource.RLIMIT_FSIZE)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, usual[1]))
            await stays_awake(server, hook, exporter.stop)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, usual)
            await recovers(data, server, hook, stage)


def disk_calls_of(pid: int, injection: str) -> list[str]:
    """Return the command that lets each sync of a process's threads fail or take long."""
    strace = shutil.which("strace")
    if strace is None or os.geteuid():
        pytest.skip("faults of single system calls need strace and root's rights")
    calls = "fsync,fdatasync"
    expressions = (f"trace={calls}", f"inject={calls}:{injection}")
    attached = [strace, "-f", "-q", "-o", "/dev/null", "-p", str(pid)]
    return [*attached, *(part for each in expressions for part in ("-e", each))]


@asynccontextmanager
async def injected(pid: int, injection: str) -> AsyncIterator[None]:
    process = await asyncio.create_subprocess_exec(*disk_calls_of(pid, injection))
    try:
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


@pytest.mark.slow
@pytest.mark.fault("records_unwritable")
async def test_failing_syncs_silence_nothing_and_repeat_nothing(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with (
        running_hook() as hook,
        redshank_exporter() as (exporter, address),
    ):
        stage = settings(hook, address)
        async with redshank_server(data, stage) as server:
            await until(lambda: server.query("up == 1"), "the first scrape")
            async with injected(server.process.process.pid, "error=EIO"):
                await exporter.stop()
                await notified(hook, "firing", "HostDown")
                await degraded(server, "records_unwritable")
                assert await log_in(server) == 200
            await well(server)
        assert hook.got.count(("firing", "HostDown")) == 1


@pytest.mark.slow
@pytest.mark.fault("disk_slow")
async def test_disk_that_takes_seconds_for_a_sync_delays_one_write_only(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with (
        running_hook() as hook,
        redshank_exporter() as (exporter, address),
    ):
        async with redshank_server(data, settings(hook, address)) as server:
            await until(lambda: server.query("up == 1"), "the first scrape")
            async with injected(server.process.process.pid, "delay_enter=2500000"):
                await exporter.stop()
                await notified(hook, "firing", "HostDown")
                await degraded(server, "disk_slow")
                await notified(hook, "firing", "disk_slow")
                assert await log_in(server) == 200
            await well(server)
        assert hook.got.count(("firing", "HostDown")) == 1


@pytest.mark.slow
@pytest.mark.fault("disk_slow", "records_unwritable")
async def test_disk_whose_syncs_do_not_return_silences_nothing_and_repeats_nothing(
    tmp_path: Path,
) -> None:
    data = tmp_path / "data"
    async with (
        running_hook() as hook,
        redshank_exporter() as (exporter, address),
    ):
        async with redshank_server(data, settings(hook, address)) as server:
            await until(lambda: server.query("up == 1"), "the first scrape")
            # Longer than the test waits for anything.
            async with injected(server.process.process.pid, "delay_enter=600000000"):
                await exporter.stop()
                await notified(hook, "firing", "HostDown")
                await degraded(server, "disk_slow", "records_unwritable")
                await notified(hook, "firing", "records_unwritable")
                assert await log_in(server) == 200
                body = {"name": "late", "url": "127.0.0.1:1"}
                assert await status_of(server, "POST", "/api/hosts", json=body) == 503
                assert "has not returned" in await text_of(server, "/targets")
                await until(lambda: server.query("up == 0"), "a scrape beside the stuck disk")
            await well(server)
            await notified(hook, "resolved", "records_unwritable")
            await until(lambda: all_delivered(server), "all notifications to be delivered")
        assert len(hook.got) == len(set(hook.got)), hook.got


@pytest.mark.slow
@pytest.mark.fault("data_directory_gone")
async def test_directory_that_vanishes_and_returns_silences_nothing(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with (
        running_hook() as hook,
        redshank_exporter() as (exporter, address),
    ):
        async with redshank_server(data, settings(hook, address)) as server:
            await until(lambda: server.query("up == 1"), "the first scrape")
            await asyncio.to_thread(data.rename, tmp_path / "away")
            await degraded(server, "data_directory_gone")
            await exporter.stop()
            await notified(hook, "firing", "HostDown")
            assert await log_in(server) == 200
            await asyncio.to_thread((tmp_path / "away").rename, data)
            await well(server)
        assert hook.got.count(("firing", "HostDown")) == 1


async def test_no_file_is_readable_by_others_whatever_the_mode_of_the_directory(
    tmp_path: Path,
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    data.chmod(0o755)
    usual = os.umask(0o022)
    async with redshank_server(data, {"web": {"enable_admin_api": True}}) as server:
        os.umask(usual)
        await server.post("/api/v1/admin/tsdb/snapshot", {})
        modes = {
            str(file.relative_to(data)): stat.S_IMODE(file.lstat().st_mode)
            for file in await asyncio.to_thread(lambda: list(data.rglob("*")))
        }
    assert {"records.db", "journal.db", "messages.db", "redshank.sock", "lock"} <= modes.keys()
    assert {name: oct(mode) for name, mode in modes.items() if mode & 0o077} == {}


@pytest.mark.slow
async def test_empty_records_are_refused_beside_the_keys_of_their_users(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with redshank_server(data):
        pass
    (data / "records.db").write_bytes(b"")
    arguments = ["server", "--data-dir", str(data), "--listen", "127.0.0.1:0"]
    async with redshank(*arguments) as process:
        assert await process.process.wait() == 1
    assert "records.db is empty" in process.output
    assert "restore" in process.output


@pytest.mark.slow
@pytest.mark.parametrize("small_disk", ["20m"], indirect=True)
async def test_server_starts_with_a_full_disk_and_alerts(small_disk: Path) -> None:
    data, filler = small_disk / "data", small_disk / "filler"
    async with running_hook() as hook, redshank_exporter() as (exporter, address):
        stage = settings(hook, address)
        async with redshank_server(data, stage) as server:
            await server.process.stop()
        await asyncio.to_thread(fill, filler)
        async with redshank_server(data, stage) as server:
            await server.process.line("reserve_freed")
            await until(lambda: server.query("up == 1"), "the first scrape")
            await asyncio.to_thread(fill, small_disk / "more")
            await stays_awake(server, hook, exporter.stop)
            await asyncio.to_thread(filler.unlink)
            await recovers(data, server, hook, stage)
