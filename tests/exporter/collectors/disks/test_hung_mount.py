"""A mounted file system whose daemon never answers: a real FUSE mount, in namespaces of its own."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import psutil
import pytest

from tests.patience import PATIENCE_S

ROOT = Path(__file__).parents[4]
# Mounts, leaves every request of the kernel unanswered, and becomes the exporter.
MOUNT_AND_SERVE = """
import ctypes, os, sys
directory, command = sys.argv[1], sys.argv[2:]
connection = os.open("/dev/fuse", os.O_RDWR)
os.set_inheritable(connection, True)
options = f"fd={connection},rootmode=40000,user_id=0,group_id=0"
libc = ctypes.CDLL(None, use_errno=True)
silent = libc.mount(b"silent", f"{directory}/silent".encode(), b"fuse", 0, options.encode())
if silent or libc.mount(b"answers", f"{directory}/answers".encode(), b"tmpfs", 0, b"size=1m"):
    sys.exit("mount: " + os.strerror(ctypes.get_errno()))
os.execv(command[0], command)
"""
# The exporter reads the mounts of process 1, so that process is the exporter itself.
NAMESPACES = ("unshare", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child")

pytestmark = pytest.mark.slow


def why_not() -> str:
    if os.geteuid() != 0 or not shutil.which("unshare"):
        return "mounting needs root and unshare"
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        return "no FUSE here"
    tried = subprocess.run([*NAMESPACES, "true"], capture_output=True, text=True)
    return f"no namespaces: {tried.stderr.strip()}" if tried.returncode else ""


@pytest.fixture
def process(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    if reason := why_not():
        pytest.skip(reason)
    exporter = (sys.executable, "-m", "exporter", "--listen=127.0.0.1:0", "--log-format=json")
    for name in ("silent", "answers"):
        (tmp_path / name).mkdir()
    options = (
        *("--collector-timeout=1", "--collector=filesystem", "--collector=loadavg"),
        # Temporary directories may be below /dev, whose mounts are left out by default.
        "--collector.filesystem.mount-points-exclude=^$",
    )
    process = subprocess.Popen(
        [*NAMESPACES, sys.executable, "-c", MOUNT_AND_SERVE, str(tmp_path), *exporter, *options],
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_mount_that_never_answers_is_an_error_and_delays_no_other_series(
    process: "subprocess.Popen[str]", tmp_path: Path
) -> None:
    assert process.stderr is not None
    started = process.stderr.readline()
    assert "exporter_listening" in started, started + process.stderr.read()
    (exporter,) = psutil.Process(process.pid).children()
    connection = HTTPConnection("127.0.0.1", json.loads(started)["port"], timeout=PATIENCE_S)
    threads = []
    for _ in range(3):
        connection.request("GET", "/metrics")
        lines = connection.getresponse().read().decode().split("\n")
        threads.append(exporter.num_threads())
        (error,) = (line for line in lines if "device_error{" in line and "silent" in line)
        assert f'mountpoint="{tmp_path}/silent"' in error
        assert 'device_error="mountpoint timeout"' in error
        assert error.endswith(" 1")
        sizes = {line for line in lines if line.startswith("node_filesystem_size_bytes")}
        assert not any("silent" in line for line in sizes)
        answers = f'device="answers",fstype="tmpfs",mountpoint="{tmp_path}/answers"'
        assert f"node_filesystem_size_bytes{{{answers}}} 1048576" in sizes
        assert any(line.startswith("node_load1 ") for line in lines)
        assert 'node_scrape_collector_success{collector="filesystem"} 1' in lines
    # The one call that hangs holds one thread, however many scrapes there are.
    assert threads[1] == threads[2]
    connection.close()
