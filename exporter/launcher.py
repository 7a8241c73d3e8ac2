"""Starts the one-file exporter: the `__main__` of `redshank-exporter.pyz`.

Python imports everything from the archive but native libraries, which the system's
loader wants as files: those are unpacked once into a directory that only we can write.
Nothing of ours is imported before that, and nothing here needs more than the standard
library.
"""

# Annotations stay text, so that an old Python gets as far as being told that it is old.
from __future__ import annotations

import atexit
import hashlib
import importlib.util
import json
import os
import pkgutil
import shutil
import stat
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

# Where the archive's `exporter` has its native libraries, and the list of them:
# {name of the module: name of the file}.
NATIVE = "native"
MANIFEST = "native/modules.json"


class NativeModules:
    """Finds the archive's native modules where they were unpacked."""

    def __init__(self, paths: Mapping[str, Path]) -> None:
        self._paths = paths

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """Return where the module `fullname` is, if it is one of ours."""
        del path, target
        location = self._paths.get(fullname)
        if location is None:
            return None
        return importlib.util.spec_from_file_location(fullname, location)


def cache_directory(environ: Mapping[str, str]) -> Path:
    """Return a directory of our own, made where it is missing.

    systemd's `CacheDirectory=` comes first, then the user's cache; where neither can be
    trusted or written, a new directory for this run.
    """
    own = environ.get("CACHE_DIRECTORY", "")
    users = environ.get("XDG_CACHE_HOME", "") or str(Path(environ.get("HOME", ""), ".cache"))
    for parent in (own, users):
        directory = Path(parent, "redshank-exporter")
        if directory.is_absolute() and is_private(directory):
            return directory
    temporary = tempfile.mkdtemp(prefix="redshank-exporter-")
    atexit.register(shutil.rmtree, temporary, ignore_errors=True)
    return Path(temporary)


def is_private(directory: Path) -> bool:
    """Return whether this is, or could be made, a directory that only we can write."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = directory.lstat()
    except OSError:
        return False
    return (
        stat.S_ISDIR(status.st_mode)
        and status.st_uid == os.geteuid()
        and status.st_mode & 0o077 == 0
        and os.access(directory, os.W_OK | os.X_OK)
    )


def unpack(content: bytes, directory: Path) -> Path:
    """Return a file of `directory` with this content, named by its hash.

    It appears whole or not at all, so that two exporters may start at a time; one that
    does not hold what its name says is replaced.
    """
    digest = hashlib.sha256(content).hexdigest()
    path = directory / f"{digest}.so"
    if holds(path, digest):
        return path
    descriptor, name = tempfile.mkstemp(dir=directory)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        temporary.chmod(0o500)
        temporary.replace(path)
    except BaseException:
        temporary.unlink()
        raise
    return path


def holds(path: Path, digest: str) -> bool:
    """Return whether `path` is a file, and no link, whose content has this hash."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    with os.fdopen(descriptor, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest() == digest


def main() -> None:
    """Make the native modules importable and run the exporter."""
    if sys.version_info < (3, 11):  # noqa: UP036 - nobody checked before we started.
        sys.exit("redshank-exporter needs Python 3.11 or newer, this is " + sys.version)
    modules: dict[str, str] = json.loads(_data(MANIFEST))
    directory = cache_directory(os.environ)
    paths = {
        module: unpack(_data(f"{NATIVE}/{name}"), directory) for module, name in modules.items()
    }
    sys.meta_path.insert(0, NativeModules(paths))

    from exporter.command import exporter

    # Installed as `redshank`, it answers to `redshank exporter`: one unit serves both.
    arguments = sys.argv[2:] if sys.argv[1:2] == ["exporter"] else sys.argv[1:]
    exporter(arguments, prog_name="redshank exporter")


def _data(name: str) -> bytes:
    content = pkgutil.get_data("exporter", name)
    if content is None:
        sys.exit("redshank-exporter is damaged: it has no " + name)
    return content


if __name__ == "__main__":
    main()
