import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from daemon.data_directory import DataDirectory
from daemon.doctor.findings import Verdict
from daemon.doctor.running import ServerState, examine_server, running_server
from daemon.errors import ControlError
from tests.ports import free_port

CONDITION = {
    "condition": "disk_slow",
    "severity": "warning",
    "summary": "the disk is slow",
    "reason": "3 s a write",
    "fix": "look for a failing disk",
}


@pytest.fixture(autouse=True)
def blockbuster() -> None:
    """Allow blocking calls: the command has its event loop to itself."""


@pytest.fixture
def directory(tmp_path: Path) -> DataDirectory:
    return DataDirectory(tmp_path)


@pytest.fixture
async def control_socket(directory: DataDirectory) -> AsyncIterator[None]:
    """A server that answers on the control socket as Redshank's does."""

    async def health(_: web.Request) -> web.Response:
        return web.json_response(
            {"ok": True, "version": "1.2", "uptime_s": 3661, "conditions": [CONDITION]}
        )

    async def flags(_: web.Request) -> web.Response:
        return web.json_response({"data": {"web.listen-address": "127.0.0.1:1"}})

    async def targets(_: web.Request) -> web.Response:
        return web.json_response({"data": {"activeTargets": [{"health": "up"}]}})

    app = web.Application()
    app.router.add_get("/health", health)
    app.router.add_get("/api/v1/status/flags", flags)
    app.router.add_get("/api/v1/targets", targets)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.UnixSite(runner, str(directory.control_socket)).start()
    yield
    await runner.cleanup()


@pytest.mark.usefixtures("control_socket")
async def test_server_of_the_data_directory_is_asked(directory: DataDirectory) -> None:
    assert await running_server(directory) == ServerState(
        "1.2", 3661, "127.0.0.1:1", [CONDITION], [{"health": "up"}]
    )


async def test_directory_without_a_socket_has_no_server(directory: DataDirectory) -> None:
    assert await running_server(directory) is None
    assert await running_server(DataDirectory(directory.path / "none")) is None


async def test_socket_that_a_killed_server_left_is_no_server(directory: DataDirectory) -> None:
    listener = await asyncio.start_unix_server(lambda _, __: None, directory.control_socket)
    listener.close()
    await listener.wait_closed()
    directory.control_socket.touch()
    assert await running_server(directory) is None


async def test_server_that_does_not_answer_is_an_error(directory: DataDirectory) -> None:
    with directory.locked(), pytest.raises(ControlError):
        await running_server(directory)


async def test_address_with_a_port_that_the_system_chose_is_not_examined() -> None:
    [finding] = await examine_server(ServerState("1.2", 5, "127.0.0.1:0", [], []))
    assert finding.verdict is Verdict.GOOD


async def test_server_without_an_answer_at_its_address_is_broken() -> None:
    server = ServerState("1.2", 3661, f"127.0.0.1:{free_port()}", [], [])
    good, bad = await examine_server(server)
    assert (good.verdict, good.detail) == (Verdict.GOOD, "version 1.2, up for 1h1m1s")
    assert (bad.verdict, bad.detail) == (
        Verdict.BAD,
        "the server runs, but does not answer at its address",
    )


async def test_conditions_of_the_server_are_findings_with_their_remedy() -> None:
    critical = CONDITION | {"severity": "critical", "reason": ""}
    server = ServerState("1.2", 5, "127.0.0.1:0", [CONDITION, critical], [])
    _, slow, bad = await examine_server(server)
    assert (slow.verdict, slow.detail, slow.remedy) == (
        Verdict.WARNING,
        "the disk is slow: 3 s a write",
        "look for a failing disk",
    )
    assert (bad.verdict, bad.detail) == (Verdict.BAD, "the disk is slow")
