import os
import subprocess
import sys
from pathlib import Path

import pytest

from exporter.kept_files import KeptFiles


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names, not paths.


def test_file_of_the_kernel_stays_open_and_is_read_anew() -> None:
    files = KeptFiles()
    before = descriptors()
    first = files.value("/proc/uptime")
    assert first is not None
    while files.value("/proc/uptime") == first:
        assert descriptors() == before + 1
    files.close_unread()
    assert descriptors() == before + 1
    files.close_unread()
    assert descriptors() == before


def test_file_on_a_disk_that_is_replaced_is_read_anew(tmp_path: Path) -> None:
    files, path = KeptFiles(), tmp_path / "value"
    path.write_text("1\n")
    assert files.number(str(path)) == 1
    path.unlink()
    assert files.number(str(path)) is None
    path.write_text("0x10\n")
    assert files.number(str(path)) == 16


def test_process_that_has_ended_is_no_value() -> None:
    files = KeptFiles()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        path = f"/proc/{child.pid}/status"
        assert files.value(path) is not None
    assert files.value(path) is None


def test_number_of_open_files_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exporter.kept_files._MOST_FILES", 1)
    files = KeptFiles()
    before = descriptors()
    assert files.value("/proc/self/comm") == files.value("/proc/self/comm")
    assert files.value("/proc/uptime")
    assert descriptors() == before + 1
