"""The server as systemd runs it: it reports that it is ready, alive and stopping."""

import asyncio
import socket
from pathlib import Path

import pytest

from tests.patience import PATIENCE_S
from tests.ports import free_port
from tests.system.processes import redshank


@pytest.mark.slow
async def test_server_notifies_systemd_of_ready_watchdog_and_stopping(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(address)
        systemd.setblocking(False)  # noqa: FBT003 - the method takes no keyword
        loop = asyncio.get_running_loop()

        async def told() -> bytes:
            async with asyncio.timeout(PATIENCE_S):
                return await loop.sock_recv(systemd, 4096)

        environment = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "200000"}
        arguments = ["--data-dir", str(tmp_path / "data"), "--listen", "127.0.0.1:0"]
        async with redshank("server", *arguments, environment=environment) as server:
            heard = [await told()]
            while heard[-1] != b"READY=1":
                heard.append(await told())
            while heard[-1] != b"WATCHDOG=1" or heard.count(b"WATCHDOG=1") < 3:
                heard.append(await told())
            stopping = asyncio.create_task(server.stop())
            while heard[-1] != b"STOPPING=1":
                heard.append(await told())
            assert await stopping == 0


@pytest.mark.slow
async def test_first_password_is_printed_once_and_not_logged(tmp_path: Path) -> None:
    arguments = ["--data-dir", str(tmp_path / "data"), "--listen", "127.0.0.1:0"]
    environment = {"REDSHANK_ADMIN_PASSWORD": ""}
    async with redshank("server", *arguments, environment=environment) as server:
        password = (await server.line(r"Login +admin / (\S+)"))[1]
        await server.line("server_started")
        await server.stop()
    assert server.output.count(password) == 1
    async with redshank("server", *arguments, environment=environment) as server:
        await server.line("server_started")
        await server.stop()
    assert "Login" not in server.output


async def test_up_runs_the_exporter_and_ends_it_with_itself(tmp_path: Path) -> None:
    arguments = ["--data-dir", str(tmp_path / "data"), "--listen", "127.0.0.1:0"]
    port = free_port()
    async with redshank("up", *arguments, "--exporter-listen", f"127.0.0.1:{port}") as server:
        await server.line("server_started")
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
        await writer.wait_closed()
        # SIGKILL: the child must notice by itself that its parent has ended.
        await server.kill()
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except OSError:
                    break
                writer.close()
                await asyncio.sleep(0.05)
