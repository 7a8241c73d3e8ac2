"""Starts the one-file exporter: the `__main__` of `redshank-exporter.pyz`.

Python imports modules straight from the archive, except native libraries: the system's
loader needs those as files. They are unpacked once into a directory that only this user
can write. Until then this module imports the standard library alone.
"""

# Annotations are not evaluated, so that an old Python reaches the version check in main().
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
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

# Both are in the folder `exporter` of the archive. NATIVE has the native libraries. MANIFEST is a
# JSON object: the oldest Python that all packages support, and the file of each native module.
NATIVE = "native"
MANIFEST = "manifest.json"


class NativeModules:
    """Import finder for the native modules that were unpacked from the archive."""

    def __init__(self, paths: Mapping[str, Path]) -> None:
        self._paths = paths

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """Return the spec of the module `fullname`, None if it is not in the archive."""
        del path, target
        location = self._paths.get(fullname)
        if location is None:
            return None
        return importlib.util.spec_from_file_location(fullname, location)


def cache_directory(environ: Mapping[str, str]) -> Path:
    """Return a private directory for the unpacked libraries; create it if necessary.

    The first choice is systemd's `CacheDirectory=`, the second the user's cache. If
    neither is private and writable, the directory is temporary and deleted at exit.
    """
    of_unit = environ.get("CACHE_DIRECTORY", "")
    of_user = environ.get("XDG_CACHE_HOME", "") or str(Path(environ.get("HOME", ""), ".cache"))
    for parent in (of_unit, of_user):
        directory = Path(parent, "redshank-exporter")
        if directory.is_absolute() and is_private(directory):
            return directory
    temporary = tempfile.mkdtemp(prefix="redshank-exporter-")
    atexit.register(shutil.rmtree, temporary, ignore_errors=True)
    return Path(temporary)


def is_private(directory: Path) -> bool:
    """Return whether `directory` exists or could be created, and only this user can use it."""
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
    """Return a file in `directory` with this content, named by the content's hash.

    The file is written atomically, so that two exporters may start at the same time. An
    existing file whose content does not match its name is replaced.
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
    """Return whether `path` is a file, not a link, whose content has this hash."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    with os.fdopen(descriptor, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest() == digest


def main() -> None:
    """Run the command that the first word names: the exporter if it names no other one."""
    manifest: dict[str, Any] = json.loads(_data(MANIFEST))
    # pip, which checks the version, was not involved.
    if sys.version_info < tuple(manifest["oldest_python"]):
        oldest = ".".join(str(number) for number in manifest["oldest_python"])
        sys.exit(f"redshank-exporter needs Python {oldest} or newer, this is {sys.version}")
    try:
        run(sys.argv[1:], manifest["native_modules"])
    except KeyboardInterrupt:
        sys.exit(130)


def run(arguments: Sequence[str], native_modules: Mapping[str, str]) -> None:
    """Run a command line; import the native modules for the exporter only."""
    # `--uninstall` too: whoever pasted the line of the server tries that.
    word = arguments[0].removeprefix("--") if arguments else ""
    if word in ("install", "uninstall"):
        from exporter.installation import command as installer

        getattr(installer, word)(arguments[1:], f"{sys.argv[0]} {word}")
    elif arguments[:1] == ["push"]:
        from exporter.pushing.command import push

        push(arguments[1:], f"{sys.argv[0]} push")
    else:
        directory = cache_directory(os.environ)
        paths = {
            module: unpack(_data(f"{NATIVE}/{name}"), directory)
            for module, name in native_modules.items()
        }
        sys.meta_path.insert(0, NativeModules(paths))
        from exporter.command import exporter

        # Installed as `redshank`, the file accepts `redshank exporter`, so that the same
        # systemd unit runs it and the installed package.
        exporter(arguments[1:] if arguments[:1] == ["exporter"] else arguments)


def _data(name: str) -> bytes:
    content = pkgutil.get_data("exporter", name)
    if content is None:
        sys.exit("redshank-exporter is damaged: it lacks " + name)
    return content


if __name__ == "__main__":
    main()
