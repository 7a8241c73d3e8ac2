"""Backup and restore: a consistent copy of a data directory in one tar file.

Each kind of file says how it is copied while a server goes on writing
(`storage.files.FileKind.copy`). The tar file ends with `manifest.json`, which lists
every file with its size and digest, so that a truncated backup is refused.
"""

import hashlib
import io
import os
import re
import shutil
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import IO, BinaryIO

from pydantic import ConfigDict, Field, ValidationError

from model.base_models import DeferredModel
from storage.api.errors import StorageError
from storage.files import FILE_KINDS, FileKind

_MANIFEST = "manifest.json"
# No component may be hidden, `..` or empty: a backup writes nowhere else.
_COMPONENT = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"
_NAME = rf"({_COMPONENT}/)?{_COMPONENT}"
# Backups before `storage.files` held every database of the directory, the operator's too.
_ANY_DATABASE = rf"{_COMPONENT}\.db"
_CHUNK_BYTES = 2**20
# A manifest lists some hundred windows.
_MAX_MANIFEST_BYTES = 2**24


class BackupError(StorageError):
    """A backup cannot be restored; the message says why."""


class BackedUpFile(DeferredModel):
    """One file of a backup; `name` is its path in the data directory."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=f"^{_NAME}$")
    size_bytes: int = Field(ge=0)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


class Manifest(DeferredModel):
    """The list of a backup's files."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = Field(default=1, ge=1, le=1)
    created_ms: int
    files: tuple[BackedUpFile, ...]

    @property
    def size_bytes(self) -> int:
        """The size of all files."""
        return sum(file.size_bytes for file in self.files)


def write_backup(
    directory: Path,
    stream: BinaryIO,
    scratch: Path,
    now_ms: int,
    kinds: Sequence[FileKind] = FILE_KINDS,
) -> Manifest:
    """Write a backup of a data directory; blocks.

    Args:
        directory: the data directory; a server may be using it.
        stream: takes the tar file.
        scratch: a directory with room for the largest file.
        now_ms: the time of the backup.
        kinds: the kinds of files to copy, in this order.

    Raises:
        StorageError: a file cannot be read.
        OSError: the disk is full, or refused for another reason.
    """
    files = []
    with (
        tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as tar,
        TemporaryDirectory(prefix=".redshank-backup-", dir=scratch) as temporary,
    ):
        for number, (kind, path) in enumerate(_present(directory, kinds)):
            copy = Path(temporary) / str(number)
            if not kind.copy(path, copy):
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
        manifest = Manifest(created_ms=now_ms, files=tuple(files))
        text = manifest.model_dump_json(indent=1).encode()
        tar.addfile(_member(_MANIFEST, len(text), now_ms), io.BytesIO(text))
    return manifest


def _present(directory: Path, kinds: Sequence[FileKind]) -> Iterator[tuple[FileKind, Path]]:
    # One kind after the other: a window that a server begins while the journal is copied
    # must be found.
    for kind in kinds:
        for path in kind.paths(directory):
            yield kind, path


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _member(name: str, size_bytes: int, now_ms: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mtime, member.mode = size_bytes, now_ms // 1000, 0o600
    return member


def restore_backup(
    stream: BinaryIO, directory: Path, kinds: Sequence[FileKind] = FILE_KINDS
) -> Manifest:
    """Create a data directory from a backup, completely or not at all; blocks.

    Args:
        stream: yields the tar file.
        directory: does not exist yet, or is empty.
        kinds: the kinds of files that a backup may hold.

    Raises:
        BackupError: the directory is not empty, or the backup is incomplete or damaged.
        OSError: the disk is full, or refused for another reason.
    """
    if directory.exists() and any(directory.iterdir()):
        raise BackupError(f"{directory} is not empty; name a new directory")
    directory.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(mkdtemp(prefix=f".{directory.name}-", dir=directory.parent))
    try:
        manifest = _extract(stream, partial, kinds)
        partial.rename(directory)
    except BaseException:
        shutil.rmtree(partial)
        raise
    return manifest


def _extract(stream: BinaryIO, directory: Path, kinds: Sequence[FileKind]) -> Manifest:
    found: dict[str, tuple[int, str]] = {}
    manifest = None
    try:
        with tarfile.open(fileobj=stream, mode="r|*") as tar:
            for member in tar:
                content = tar.extractfile(member) if member.isreg() else None
                if content is None or manifest is not None or member.name in found:
                    raise BackupError(f"unexpected entry {member.name!r}")
                if member.name == _MANIFEST:
                    manifest = _read_manifest(content.read(_MAX_MANIFEST_BYTES))
                elif _is_expected(member.name, kinds):
                    found[member.name] = _write(content, directory / member.name)
                else:
                    raise BackupError(f"unexpected entry {member.name!r}")
    except (tarfile.TarError, EOFError) as exc:
        raise BackupError(f"the backup is incomplete or damaged: {exc}") from exc
    if manifest is None:
        raise BackupError(f"the backup is incomplete: {_MANIFEST} is missing")
    if found != {file.name: (file.size_bytes, file.sha256) for file in manifest.files}:
        raise BackupError(f"the backup is incomplete or damaged: its files differ from {_MANIFEST}")
    return manifest


def _is_expected(name: str, kinds: Sequence[FileKind]) -> bool:
    if re.fullmatch(_ANY_DATABASE, name):
        return True
    known = any(kind.includes(name) for kind in kinds)
    return known and re.fullmatch(_NAME, name) is not None


def _read_manifest(text: bytes) -> Manifest:
    try:
        return Manifest.model_validate_json(text)
    except ValidationError as exc:
        raise BackupError(f"{_MANIFEST} was written by a newer version, or is damaged") from exc


def _write(content: IO[bytes], path: Path) -> tuple[int, str]:
    """Write a file; return its size and digest."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    digest = hashlib.sha256()
    size_bytes = 0
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        while chunk := content.read(_CHUNK_BYTES):
            file.write(chunk)
            digest.update(chunk)
            size_bytes += len(chunk)
        file.flush()
        os.fsync(file.fileno())
    return size_bytes, digest.hexdigest()
