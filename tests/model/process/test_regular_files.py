"""Only regular files are read."""

import os
from pathlib import Path

import pytest

from model.process.regular_files import open_regular, read_regular_text


def test_text_of_a_regular_file_and_of_a_link_to_one_is_read(tmp_path: Path) -> None:
    file, link = tmp_path / "file", tmp_path / "link"
    file.write_bytes("ä\r\nb\n".encode())
    link.symlink_to(file)
    assert read_regular_text(file) == read_regular_text(link) == "ä\nb\n"


def test_fifo_is_refused_at_once(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with pytest.raises(OSError, match="not a regular file"):
        open_regular(fifo)


def test_devices_and_directories_are_refused(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="not a regular file"):
        read_regular_text(Path("/dev/zero"))
    with pytest.raises(IsADirectoryError):
        read_regular_text(tmp_path)


def test_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_regular_text(tmp_path / "none")


def test_text_that_is_not_utf_8_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"\xff")
    with pytest.raises(UnicodeDecodeError):
        read_regular_text(tmp_path / "file")
