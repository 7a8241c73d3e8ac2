"""Starts real processes for tests, waits for their output, and ends them all."""

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from tests.patience import PATIENCE_S

ROOT = Path(__file__).resolve().parents[2]
ADMIN_PASSWORD = "correct horse battery staple"


async def until(condition: Callable[[], Awaitable[Any]], what: str) -> Any:
    """Call the condition until its result is true, and return that result."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                result = await condition()
                if result:
                    return result
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"waited {PATIENCE_S} s in vain for {what}") from None


@dataclass
class Process:
    """A running program and its output so far."""

    process: asyncio.subprocess.Process
    lines: list[str] = field(default_factory=list)
    closed: bool = False
    _grown: asyncio.Event = field(default_factory=asyncio.Event)

    async def read(self) -> None:
        """Collect output until the program closes it."""
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.lines.append(line.decode(errors="replace").rstrip("\n"))
            self._grown.set()
        self.closed = True
        self._grown.set()

    async def line(self, pattern: str) -> re.Match[str]:
        """Wait for a line of output that matches the pattern, and return the match."""
        seen = 0
        try:
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    self._grown.clear()
                    for text in self.lines[seen:]:
                        if found := re.search(pattern, text):
                            return found
                    if self.closed:
                        break
                    seen = len(self.lines)
                    await self._grown.wait()
        except TimeoutError:
            pass
        raise AssertionError(f"no line {pattern!r} in:\n" + self.output)

    @property
    def output(self) -> str:
        """All output so far."""
        return "\n".join(self.lines)

    async def kill(self) -> None:
        """End the program as `kill -9` does."""
        self.process.kill()
        await self.process.wait()

    async def stop(self) -> int:
        """Ask the program to end, and return its exit status."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE_S):
            return await self.process.wait()


@asynccontextmanager
async def running(
    *command: str, environment: Mapping[str, str] | None = None, cwd: Path = ROOT
) -> AsyncIterator[Process]:
    """Run a program during the `async with` block."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        limit=2**20,
    )
    running_process = Process(process)
    reader = asyncio.ensure_future(running_process.read())
    try:
        yield running_process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await reader


@asynccontextmanager
async def redshank(
    *arguments: str, environment: Mapping[str, str] | None = None, under: Sequence[str] = ()
) -> AsyncIterator[Process]:
    """Run a `redshank` command of this checkout, through a wrapper program if one is given."""
    given = {"REDSHANK_ADMIN_PASSWORD": ADMIN_PASSWORD} | dict(environment or {})
    async with running(
        *under, sys.executable, "-m", "daemon.cli", *arguments, environment=given
    ) as process:
        yield process


@asynccontextmanager
async def redshank_exporter(port: int = 0, *flags: str) -> AsyncIterator[tuple[Process, str]]:
    """Run an exporter; yields it with its HOST:PORT."""
    async with redshank("exporter", "--listen", f"127.0.0.1:{port}", *flags) as process:
        listening = await process.line(r"exporter_listening host=127\.0\.0\.1 port=(\d+)")
        yield process, f"127.0.0.1:{listening[1]}"


@dataclass
class Server:
    """A running Redshank server and an administrator's session."""

    process: Process
    url: str
    session: aiohttp.ClientSession

    async def get(self, path: str, **params: str) -> Any:
        """Return the JSON answer to a GET; the test fails unless the status is 200."""
        async with self.session.get(self.url + path, params=params) as response:
            assert response.status == 200, await response.text()
            return await response.json()

    async def post(self, path: str, body: object, status: int = 200) -> Any:
        """Return the JSON answer to a POST; the test fails unless it has this status."""
        async with self.session.post(self.url + path, json=body) as response:
            assert response.status == status, await response.text()
            return await response.json()

    async def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the result of an instant query."""
        result: list[dict[str, Any]] = (await self.get("/api/v1/query", query=expression))["data"][
            "result"
        ]
        return result


@asynccontextmanager
async def redshank_server(
    data: Path,
    settings: Mapping[str, Any] | None = None,
    command: str = "server",
    *flags: str,
    under: Sequence[str] = (),
    configuration: Path | None = None,
    port: int = 0,
) -> AsyncIterator[Server]:
    """Run a server on a port, 0 for a free one, logged in as its administrator."""
    configuration = configuration or data.parent / f"{data.name}.yml"
    # JSON is YAML.
    await asyncio.to_thread(configuration.write_text, json.dumps(settings or {}))
    arguments = ["--config", str(configuration), "--data-dir", str(data)]
    arguments += [*flags, "--listen", f"127.0.0.1:{port}"]
    async with redshank(command, *arguments, under=under) as process:
        url = (await process.line(r"(http://127\.0\.0\.1:\d+)"))[1]
        async with aiohttp.ClientSession() as login:
            credentials = {"username": "admin", "password": ADMIN_PASSWORD}
            async with login.post(url + "/auth/token", json=credentials) as response:
                assert response.status == 200, await response.text()
                token = (await response.json())["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        async with aiohttp.ClientSession(headers=headers) as session:
            yield Server(process, url, session)
