import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from benchmarks.harness.loopback import free_port
from benchmarks.harness.processes import BenchmarkError, Child, directory_size_bytes, finish, usage

SPIN = """
import subprocess, sys, time
memory = bytearray(b"x" * 30_000_000)
if len(sys.argv) > 1:
    grandchild = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdin=subprocess.PIPE)
while time.process_time() < 0.3: pass
print("spun", flush=True)
sys.stdin.read()
"""


def test_usage_is_what_the_process_used() -> None:
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


def test_child_that_ends_early_is_told_with_its_log(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import sys; sys.exit('no such luck')"]
    child = Child("unlucky", command, tmp_path, f"http://127.0.0.1:{free_port()}/")
    with pytest.raises(BenchmarkError, match=r"(?s)ended with 1.*no such luck"), child:
        raise AssertionError("it serves nothing")


def test_command_that_fails_is_told_with_its_log(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match=r"(?s)ended with 1.*no"):
        finish("unlucky", [sys.executable, "-c", "raise SystemExit('no')"], tmp_path)


def test_figures_are_the_last_line_of_what_was_printed(tmp_path: Path) -> None:
    def figures(line: str) -> dict[str, float]:
        with Child("measuring", ["printf", f"warming up\\n{line}\\n"], tmp_path) as child:
            return child.wait_figures()

    assert figures('{"p99_ms": 2.5}') == {"p99_ms": 2.5}
    with pytest.raises(BenchmarkError, match="told no figures"):
        figures("nothing")


def test_child_ends_with_its_block(tmp_path: Path) -> None:
    with Child("patient", ["sleep", "600"], tmp_path) as child:
        pid = child.pid
        assert psutil.pid_exists(pid)
    assert not psutil.pid_exists(pid)


WATCHED = """
import pathlib, sys, time
from benchmarks.harness.processes import Child, ended_by_signals
with ended_by_signals(), Child("patient", ["sleep", "600"], pathlib.Path(sys.argv[1])) as child:
    print(child.pid, flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL])
def test_child_ends_however_we_end(number: signal.Signals, tmp_path: Path) -> None:
    command = [sys.executable, "-c", WATCHED, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        child = psutil.Process(int(process.stdout.readline()))
        os.kill(process.pid, number)
        process.wait()
    # After SIGKILL whoever adopted it may not have collected it yet.
    psutil.wait_procs([child], timeout=60)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def test_directory_size_is_the_sum_of_its_files(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "one").write_bytes(b"x" * 10)
    (tmp_path / "a" / "b" / "two").write_bytes(b"x" * 5)
    assert directory_size_bytes(tmp_path) == 15
