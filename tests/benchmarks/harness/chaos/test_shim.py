"""The library brings about faults in a process that loads it, and in no other."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks.harness.chaos.shim import Shim, compiler

pytestmark = pytest.mark.skipif(compiler() is None, reason="there is no C compiler")

PROGRAM = """
import os, sqlite3, sys, time
data, other = sys.argv[1:]
database = sqlite3.connect(data + "/x.db", isolation_level=None)
database.execute("PRAGMA journal_mode = wal")
database.execute("PRAGMA synchronous = full")
database.execute("CREATE TABLE t (a)")
def write():
    database.execute("INSERT INTO t VALUES (1)")
def create():
    open(data + "/new", "w").close()
def elsewhere():
    with open(other + "/new", "w") as file:
        file.write("x")
def attempt(work):
    try:
        work()
    except (OSError, sqlite3.OperationalError) as exc:
        return type(exc).__name__
    return "works"
for line in sys.stdin:
    begun_s = time.monotonic()
    outcomes = [attempt(write), attempt(create), attempt(elsewhere)]
    print(time.time(), time.monotonic() - begun_s, *outcomes, flush=True)
"""

Look = Callable[[], list[str]]


@contextmanager
def running(shim: Shim, data: Path, other: Path) -> Iterator[Look]:
    command = [sys.executable, "-c", PROGRAM, str(data), str(other)]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, **shim.variables()},
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def look() -> list[str]:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write("\n")
            process.stdin.flush()
            return process.stdout.readline().split()

        yield look
        process.stdin.close()


def test_faults_come_and_go(tmp_path: Path) -> None:
    data, other = tmp_path / "data", tmp_path / "other"
    data.mkdir()
    other.mkdir()
    shim = Shim(tmp_path, data)
    with running(shim, data, other) as look:
        assert look()[2:] == ["works", "works", "works"]
        shim.refuse_writes(refused=True)
        assert look()[2:] == ["OperationalError", "OSError", "works"]
        shim.refuse_writes(refused=False)
        shim.slow_syncs(0.2)
        assert float(look()[1]) >= 0.2
        shim.slow_syncs(0)
        shim.shift_clock(3_000_000)
        assert float(look()[0]) > time.time() + 2_000_000
        shim.shift_clock(0)
        now = look()
    assert abs(float(now[0]) - time.time()) < 1_000_000
    assert now[2:] == ["works", "works", "works"]
