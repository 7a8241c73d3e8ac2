import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from benchmarks.harness.processes import usage

SPIN = """
import subprocess, sys, time
memory = bytearray(b"x" * 30_000_000)
if len(sys.argv) > 1:
    grandchild = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdin=subprocess.PIPE)
while time.process_time() < 0.3: pass
print("spun", flush=True)
sys.stdin.read()
"""


def test_usage_of_a_process() -> None:
    command = [sys.executable, "-c", SPIN]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        used = usage(process.pid)
        process.communicate()
    # /proc counts in ticks of 10 ms, user and system rounded down on their own.
    assert used.cpu_s >= 0.27
    assert used.rss_bytes > 30_000_000


def test_usage_includes_descendants() -> None:
    command = [sys.executable, "-c", SPIN, SPIN]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.readline()
        used = usage(process.pid)
        for child in psutil.Process(process.pid).children():
            child.kill()
        process.communicate()
    assert used.cpu_s >= 0.54
    assert used.rss_bytes > 60_000_000


WATCHED = """
import pathlib, sys, time
from benchmarks.harness.processes import Child, ended_by_signals
with ended_by_signals(), Child("patient", ["sleep", "600"], pathlib.Path(sys.argv[1])) as child:
    print(child.pid, flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL])
def test_child_dies_with_its_parent(number: signal.Signals, tmp_path: Path) -> None:
    command = [sys.executable, "-c", WATCHED, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        child = psutil.Process(int(process.stdout.readline()))
        os.kill(process.pid, number)
        process.wait()
    # After SIGKILL init may not have collected it yet.
    psutil.wait_procs([child], timeout=60)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE
