"""Runs the one-file exporter on an interpreter of one's choice."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Final

ARGUMENTS: Final = ("--listen", "127.0.0.1:0", "--log-format", "json")


def bare_python() -> str:
    """Return an interpreter that has the standard library only."""
    system = Path("/usr/bin/python3")
    check = "import sys; sys.exit(sys.version_info < (3, 9))"
    if system.exists() and subprocess.run([system, "-c", check]).returncode == 0:
        return str(system)
    return sys.executable


def command(archive: Path, *arguments: str, python: str = "") -> list[str]:
    """Return the command that runs the archive without any installed package."""
    return [python or bare_python(), "-I", "-S", str(archive), *arguments]


@contextmanager
def running(
    archive: Path, *arguments: str, python: str = "", **environ: str
) -> Iterator[HTTPConnection]:
    """Serve until the end of the block; yield a connection to the exporter."""
    process = subprocess.Popen(
        command(archive, *(arguments or ARGUMENTS), python=python),
        stderr=subprocess.PIPE,
        text=True,
        env=environ,
        cwd="/",
    )
    try:
        assert process.stderr is not None
        line = process.stderr.readline()
        try:
            started = json.loads(line)
        except ValueError:
            raise AssertionError(line + process.stderr.read()) from None
        with closing(HTTPConnection(started["host"], started["port"], timeout=30)) as connection:
            yield connection
        process.terminate()
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.communicate()


def scrape(connection: HTTPConnection) -> str:
    """Return the metrics in Prometheus's text format."""
    connection.request("GET", "/metrics")
    return connection.getresponse().read().decode()
