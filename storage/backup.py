"""Backups: a consistent copy of a data directory as one tar file, and back.

Files are copied by SQLite's backup interface through read-only connections, each in one
step: a server may go on writing meanwhile. The journal comes first: what a server seals
after that is in the journal's copy and in the chunks', and counts once; nothing that
was committed before is in neither.

The tar file ends with `manifest.json`, which names every file with its size and digest:
one that was cut short is refused.
"""

import hashlib
import io
import os
import re
import shutil
import sqlite3
import tarfile
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import IO, BinaryIO

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from storage.api.errors import StorageError
from storage.database import translate

_JOURNAL = "journal.db"
_KEYS = "keys.json"
_MANIFEST = "manifest.json"
_NAME = r"(samples/)?[A-Za-z0-9_][A-Za-z0-9_.-]*"
_COPIED_BYTES = 2**20
# A manifest names some hundred windows.
_MOST_MANIFEST_BYTES = 2**24


class BackupError(StorageError):
    """A backup cannot be made or restored; the message says why."""


class BackedUpFile(BaseModel):
    """One file of a backup; `name` is its path in the data directory."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=f"^{_NAME}$")
    size_bytes: int = Field(ge=0)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


class Manifest(BaseModel):
    """What a backup holds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = Field(default=1, ge=1, le=1)
    created_ms: int
    files: tuple[BackedUpFile, ...]

    @property
    def size_bytes(self) -> int:
        """The size of all files."""
        return sum(file.size_bytes for file in self.files)


def write_backup(directory: Path, stream: BinaryIO, scratch: Path, now_ms: int) -> Manifest:
    """Write a backup of a data directory; blocks.

    Args:
        directory: what to copy; a server may be using it.
        stream: where the tar file goes.
        scratch: a directory with room for the largest file.
        now_ms: the time of the backup.

    Raises:
        StorageError: a file cannot be read.
        OSError: the disk refused.
    """
    files = []
    with (
        tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as tar,
        TemporaryDirectory(prefix=".redshank-backup-", dir=scratch) as temporary,
    ):
        for number, path in enumerate(_databases(directory)):
            copy = Path(temporary) / f"{number}.db"
            if not _copy_database(path, copy):
                continue
            entry = BackedUpFile(
                name=path.relative_to(directory).as_posix(),
                size_bytes=copy.stat().st_size,
                sha256=_digest(copy),
            )
            with copy.open("rb") as content:
                tar.addfile(_member(entry.name, entry.size_bytes, now_ms), content)
            copy.unlink()
            files.append(entry)
        if (keys := _read_whole(directory / _KEYS)) is not None:
            # Last: whatever was sealed before is opened by them.
            digest = hashlib.sha256(keys).hexdigest()
            files.append(BackedUpFile(name=_KEYS, size_bytes=len(keys), sha256=digest))
            tar.addfile(_member(_KEYS, len(keys), now_ms), io.BytesIO(keys))
        manifest = Manifest(created_ms=now_ms, files=tuple(files))
        text = manifest.model_dump_json(indent=1).encode()
        tar.addfile(_member(_MANIFEST, len(text), now_ms), io.BytesIO(text))
    return manifest


def _databases(directory: Path) -> Iterator[Path]:
    # Looked for one after the other: a window made while another file is copied is found.
    yield directory / _JOURNAL
    yield from sorted(directory.glob("samples/*.db"))
    yield from sorted(path for path in directory.glob("*.db") if path.name != _JOURNAL)


def _read_whole(path: Path) -> bytes | None:
    # The file is exchanged, never changed: what is read is whole.
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _copy_database(path: Path, copy: Path) -> bool:
    """Copy a database as it is now; False if there is none (any more)."""
    try:
        source = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        try:
            target = sqlite3.connect(copy)
            try:
                # All pages in one step are one snapshot: nothing written meanwhile shows.
                source.backup(target)
            finally:
                target.close()
        finally:
            source.close()
    except sqlite3.Error as exc:
        if not path.exists():
            return False
        raise translate(path, exc) from exc
    return True


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _member(name: str, size_bytes: int, now_ms: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mtime, member.mode = size_bytes, now_ms // 1000, 0o600
    return member


def restore_backup(stream: BinaryIO, directory: Path) -> Manifest:
    """Make a data directory of a backup; blocks. It is there whole or not at all.

    Raises:
        BackupError: the directory holds something, or this is no whole backup.
        OSError: the disk refused.
    """
    if directory.exists() and any(directory.iterdir()):
        raise BackupError(f"{directory} is not empty; a backup is restored to a new directory")
    directory.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(mkdtemp(prefix=f".{directory.name}-", dir=directory.parent))
    try:
        manifest = _extract(stream, partial)
        partial.rename(directory)
    except BaseException:
        shutil.rmtree(partial)
        raise
    return manifest


def _extract(stream: BinaryIO, directory: Path) -> Manifest:
    found: dict[str, tuple[int, str]] = {}
    manifest = None
    try:
        with tarfile.open(fileobj=stream, mode="r|*") as tar:
            for member in tar:
                content = tar.extractfile(member) if member.isreg() else None
                if content is None or manifest is not None or member.name in found:
                    raise BackupError(f"unexpected entry {member.name!r}")
                if member.name == _MANIFEST:
                    manifest = _read_manifest(content.read(_MOST_MANIFEST_BYTES))
                elif re.fullmatch(_NAME, member.name):
                    found[member.name] = _write(content, directory / member.name)
                else:
                    raise BackupError(f"unexpected entry {member.name!r}")
    except (tarfile.TarError, EOFError) as exc:
        raise BackupError(f"this is no whole backup: {exc}") from exc
    if manifest is None:
        raise BackupError(f"this is no whole backup: {_MANIFEST} is missing")
    if found != {file.name: (file.size_bytes, file.sha256) for file in manifest.files}:
        raise BackupError("this is no whole backup: its files are not those it was made with")
    return manifest


def _read_manifest(text: bytes) -> Manifest:
    try:
        return Manifest.model_validate_json(text)
    except ValidationError as exc:
        raise BackupError(f"{_MANIFEST} is not of a version known here") from exc


def _write(content: IO[bytes], path: Path) -> tuple[int, str]:
    """Write a file; return its size and digest."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    digest = hashlib.sha256()
    size_bytes = 0
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        while some := content.read(_COPIED_BYTES):
            file.write(some)
            digest.update(some)
            size_bytes += len(some)
        file.flush()
        os.fsync(file.fileno())
    return size_bytes, digest.hexdigest()
