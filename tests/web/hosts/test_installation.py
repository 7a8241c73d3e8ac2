"""The line that installs the exporter, run by a shell as it is pasted."""

import asyncio
import os
import re
import socket
from collections.abc import AsyncIterator, Iterator
from html import unescape
from pathlib import Path

import pytest
from pytest_aiohttp import AiohttpClient

from storage.api.accounts import Role
from tests.web.world import World, world_at
from web.settings import WebSettings

# Stands in for the exporter: it prints how it was started.
PROGRAM = b"import os, sys; print('ran', *sys.argv, sorted(os.listdir()))"


class File:
    """The file that the server serves."""

    def __init__(self) -> None:
        self.content: bytes | None = PROGRAM

    async def __call__(self) -> bytes | None:
        return self.content


@pytest.fixture
def file() -> File:
    return File()


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient, file: File) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client, exporter_file=file) as world:
        yield world


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of a user for whom sudo needs no password; no file may be left behind."""
    programs, temporary = tmp_path / "programs", tmp_path / "temporary"
    programs.mkdir()
    temporary.mkdir()
    (programs / "sudo").write_text('#!/bin/sh\necho "as root"\nexec "$@"\n')
    (programs / "sudo").chmod(0o755)
    yield {"PATH": f"{programs}:{os.environ['PATH']}", "TMPDIR": str(temporary)}
    assert list(temporary.iterdir()) == []


async def pasted(line: str, terminal: dict[str, str]) -> tuple[int, str]:
    """Run the line; return its status and output."""
    shell = await asyncio.create_subprocess_exec(
        *("sh", "-c", line),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=terminal,
    )
    output, _ = await shell.communicate()
    return shell.returncode or 0, output.decode()


async def added(world: World, body: dict[str, object]) -> dict[str, str]:
    answer = await world.client.post("/api/hosts", json=body, headers=await world.bearer())
    assert answer.status == 201, await answer.text()
    document: dict[str, str] = await answer.json()
    return document


@pytest.mark.parametrize("given", [{}, {"key": "-key-that-begins-with-a-hyphen"}])
async def test_line_of_a_pushing_host_fetches_checks_and_runs_the_file_with_its_key(
    world: World, terminal: dict[str, str], given: dict[str, object]
) -> None:
    host = await added(world, {"name": "nas", "push": True, **given})
    url = str(world.client.make_url("")).rstrip("/")
    status, output = await pasted(host["install"], terminal)
    key = given.get("key", host["key"])
    started = f"ran redshank-exporter.pyz install --push {url} --key={key}"
    assert status == 0, output
    assert output.splitlines() == ["as root", f"{started} ['redshank-exporter.pyz']"]


async def test_line_of_a_scraped_host_has_no_key(world: World, terminal: dict[str, str]) -> None:
    host = await added(world, {"name": "db-1", "url": "10.0.0.7"})
    status, output = await pasted(host["install"], terminal)
    assert status == 0
    assert "ran redshank-exporter.pyz install [" in output


async def test_file_that_was_changed_on_its_way_does_not_run(
    world: World, terminal: dict[str, str], file: File
) -> None:
    line = (await added(world, {"name": "nas", "push": True}))["install"]
    file.content = PROGRAM + b" # and more"
    status, output = await pasted(line, terminal)
    assert status != 0
    assert "redshank-exporter.pyz: FAILED" in output
    assert "ran" not in output.split()


async def test_pages_show_the_line(world: World, terminal: dict[str, str]) -> None:
    form = {"name": "nas", "push": "true"}
    answer = await world.client.post(
        "/add-host", data=form, headers=await world.cookie(Role.EDITOR), allow_redirects=False
    )
    pages = (await world.page("/add-host"), await answer.text())
    for page, expected in zip(pages, ("install [", "install --push"), strict=True):
        found = re.search(r'data-copy="(\(d=.+?)"', page)
        assert found is not None
        status, output = await pasted(unescape(found[1]), terminal)
        assert (status, expected in output) == (0, True)


async def test_file_is_public_and_its_absence_an_error(world: World, file: File) -> None:
    answer = await world.client.get("/install/redshank-exporter.pyz")
    assert (answer.status, await answer.read()) == (200, PROGRAM)
    file.content = None
    answer = await world.client.get("/install/redshank-exporter.pyz")
    assert answer.status == 404
    assert "cannot build" in await answer.text()
    assert "install" not in await added(world, {"name": "nas", "push": True})
    assert "(d=" not in await world.page("/add-host")


async def test_line_has_the_public_url(
    tmp_path: Path, aiohttp_client: AiohttpClient, file: File
) -> None:
    settings = WebSettings.model_validate({"public_url": "https://monitor.example.com"})
    async with world_at(tmp_path, aiohttp_client, settings, exporter_file=file) as world:
        line = (await added(world, {"name": "nas", "push": True}))["install"]
    assert 'get("https://monitor.example.com/install/redshank-exporter.pyz"' in line
    assert "--push https://monitor.example.com " in line


async def test_line_that_works_on_this_machine_only_has_a_warning(world: World) -> None:
    url = str(world.client.make_url("")).rstrip("/")
    bodies: tuple[dict[str, object], ...] = (
        {"name": "nas", "push": True},
        {"name": "db-1", "url": "10.0.0.7"},
    )
    for body in bodies:
        warning = (await added(world, body))["install_warning"]
        assert warning.startswith(f"No other host reaches {url}, ")
        assert "server.listen" in warning
        assert "web.public_url" in warning
    form = {"name": "nas-2", "push": "true"}
    answer = await world.client.post(
        "/add-host", data=form, headers=await world.cookie(Role.EDITOR), allow_redirects=False
    )
    for page in (await world.page("/add-host"), await answer.text()):
        assert f"No other host reaches {url}, " in unescape(page)


@pytest.mark.parametrize(
    ("listen", "public_url", "expected"),
    [
        ("127.0.0.1:9190", "https://monitor.example.com", "https://monitor.example.com"),
        ("[::]:9190", None, f"http://{socket.gethostname()}:9190"),
        (":9190", None, f"http://{socket.gethostname()}:9190"),
        ("10.0.0.1:9190", None, "http://10.0.0.1:9190"),
    ],
)
async def test_line_for_other_hosts_has_an_address_that_they_reach(
    tmp_path: Path,
    aiohttp_client: AiohttpClient,
    file: File,
    listen: str,
    public_url: str | None,
    expected: str,
) -> None:
    # The client is on the server's machine: the address that it uses means another one elsewhere.
    settings = WebSettings.model_validate({"public_url": public_url})
    async with world_at(
        tmp_path, aiohttp_client, settings, exporter_file=file, listen=listen
    ) as world:
        host = await added(world, {"name": "nas", "push": True})
    assert f'get("{expected}/install/redshank-exporter.pyz"' in host["install"]
    assert f"--push {expected} " in host["install"]
    assert "install_warning" not in host
