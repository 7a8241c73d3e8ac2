import os
import shutil
import socket
from pathlib import Path

import pytest

from daemon.data_directory import DataDirectory
from daemon.errors import DataDirectoryError


def test_new_directory_is_private_to_its_owner(tmp_path: Path) -> None:
    directory = DataDirectory(tmp_path / "a" / "b")
    directory.create()
    assert directory.path.stat().st_mode & 0o077 == 0


def test_file_in_place_of_the_directory_is_reported_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataDirectoryError, match="choose another with --data-dir"):
        DataDirectory(tmp_path / "file" / "data").create()


def test_second_lock_is_refused(tmp_path: Path) -> None:
    directory = DataDirectory(tmp_path)
    with (
        directory.locked(),
        pytest.raises(DataDirectoryError, match="another redshank server"),
        directory.locked(),
    ):
        pass
    with directory.locked():
        pass


def test_socket_of_a_deep_directory_can_be_bound(tmp_path: Path) -> None:
    directory = DataDirectory(tmp_path / ("d" * 100) / ("e" * 100))
    directory.create()
    descriptors = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    with directory.socket_address() as address, socket.socket(socket.AF_UNIX) as server:
        server.bind(address)
    assert directory.control_socket.exists()
    assert len(os.listdir("/proc/self/fd")) == descriptors  # noqa: PTH208


def test_existing_files_lose_the_rights_of_others_and_links_stay(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("")
    outside.chmod(0o644)
    directory = DataDirectory(tmp_path / "data")
    directory.create()
    directory.path.chmod(0o755)
    (directory.path / "samples").mkdir(mode=0o755)
    for name in ("records.db", "samples/1.db"):
        (directory.path / name).write_text("")
        (directory.path / name).chmod(0o664)
    (directory.path / "link").symlink_to(outside)
    directory.make_private()
    modes = {
        file.name: file.lstat().st_mode & 0o777
        for file in directory.path.rglob("*")
        if not file.is_symlink()
    }
    assert modes == {"samples": 0o700, "records.db": 0o600, "1.db": 0o600}
    assert outside.stat().st_mode & 0o777 == 0o644
    assert directory.path.stat().st_mode & 0o777 == 0o755


def test_empty_records_are_refused_only_beside_keys(tmp_path: Path) -> None:
    directory = DataDirectory(tmp_path)
    directory.require_records()
    directory.records.write_bytes(b"")
    # A first start that was killed early.
    directory.require_records()
    directory.keys.write_text("{}")
    with pytest.raises(DataDirectoryError, match="all hosts, users and alerts are gone"):
        directory.require_records()
    directory.records.unlink()
    directory.require_records()


def test_space_is_reserved_while_there_is_plenty_and_freed_when_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free_bytes = [2**30]
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=free_bytes[0]))
    directory, reserve = DataDirectory(tmp_path), tmp_path / "reserve"
    free_bytes[0] = 0
    directory.reserve_space()
    assert not reserve.exists()
    free_bytes[0] = 2**30
    directory.reserve_space()
    assert reserve.stat().st_blocks * 512 >= 4 * 2**20
    free_bytes[0] = 5 * 2**20
    directory.reserve_space()
    assert reserve.exists()
    free_bytes[0] = 1000
    directory.reserve_space()
    assert not reserve.exists()
