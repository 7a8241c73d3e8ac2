import os
import subprocess
import sys
from pathlib import Path

import pytest

from exporter.kept_files import KeptFile, KeptFiles
from exporter.roots import read_lines, read_text


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


@pytest.mark.parametrize("path", ["/proc/meminfo", "/proc/stat", "/proc/vmstat", "/proc/net/dev"])
def test_file_of_procfs_is_read_whole_each_time(path: str) -> None:
    file = KeptFile(path)
    # Numbers change; the words are those of a fresh read.
    words = [line.split()[0] for line in read_lines(path)]
    for _ in range(3):
        assert [line.split()[0] for line in file.lines()] == words


def test_file_of_procfs_stays_open_until_nobody_refers_to_it() -> None:
    before = descriptors()
    file = KeptFile("/proc/uptime")
    first = file.text()
    while file.text() == first:
        assert descriptors() == before + 1
    del file
    assert descriptors() == before


def test_whole_file_on_a_disk_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "table"
    file = KeptFile(str(path), "surrogateescape")
    with pytest.raises(FileNotFoundError):
        file.text()
    content = "a\x0b b\nc" * 50_000
    path.write_text(content)
    assert file.text() == content
    path.unlink()
    path.write_bytes(b"\xff\n")
    assert file.lines() == ["\udcff"] == read_lines(str(path), "surrogateescape")
    path.unlink()
    with pytest.raises(FileNotFoundError):
        file.text()


def test_file_whose_process_has_ended_is_opened_again() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        path = f"/proc/{child.pid}/status"
        file = KeptFile(path)
        assert file.text().splitlines()[0] == read_text(path).splitlines()[0]
    with pytest.raises(FileNotFoundError):
        file.text()
