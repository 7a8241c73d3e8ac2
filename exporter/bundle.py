"""Builds `redshank-exporter.pyz`: the exporter and its dependencies in one file.

The file runs on CPython 3.9 or newer, on the platform it was built on, with nothing
installed: all packages are pure Python except psutil and bcrypt, whose libraries use the
stable ABI. A package that needs a newer Python raises the file's own minimum. The build is
reproducible: the same installed packages give the same bytes.
"""

import json
import os
import re
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import BinaryIO

from exporter.command_line import CommandLine
from exporter.errors import ExporterError
from exporter.launcher import MANIFEST, NATIVE
from exporter.version import BUNDLED

_DISTRIBUTION = "redshank"
_SHEBANG = b"#!/usr/bin/env python3\n"
_SOURCE = Path(__file__).resolve().parent
# The modules of `model` that the exporter imports; the others need numpy and RE2.
_MODEL = (
    "__init__.py",
    "addresses.py",
    "clock.py",
    "probing/__init__.py",
    "probing/dns_messages.py",
    "probing/echo_messages.py",
    "probing/reply.py",
    "process/__init__.py",
    "process/regular_files.py",
    "process/terminal_text.py",
    "process/sd_notify.py",
)
# Without these libraries, which are for one version of Python, PyYAML and tomli are pure Python.
_OPTIONAL = re.compile(r"yaml/_yaml\.|tomli/|[0-9a-f]+__mypyc\.")
# The one file has a command line of its own.
_NOT_BUNDLED = frozenset({"click"})
_OLDEST_PYTHON = (3, 9)
_REQUIRES_PYTHON = re.compile(r">=\s*3\.([0-9]+)")
_LICENCE = re.compile(r"(LICEN[CS]E|NOTICE|COPYING)", re.IGNORECASE)
_REQUIREMENT = re.compile(r"[A-Za-z0-9._-]+")


class BundleError(ExporterError):
    """The installed packages cannot be bundled into one file."""


def build_exporter(arguments: Sequence[str], prog: str = "redshank build-exporter") -> None:
    """Write the exporter as one file, which runs on a python3 without any packages."""
    parser = CommandLine(
        prog,
        "Write the exporter as one file, which runs on a python3 without any packages.",
        "[OUTPUT]",
    )
    parser.add_argument("output", nargs="?", type=Path, default=Path("redshank-exporter.pyz"))
    output = parser.parse_args(arguments).output
    try:
        size_bytes = build(output)
    except (ExporterError, OSError) as exc:
        parser.fail(exc)
    parser.show(f"{output}: {size_bytes / 1024:.0f} KiB")


def build(output: Path) -> int:
    """Write the archive atomically and return its size in bytes.

    Raises:
        BundleError: a package is missing, or has a library for one version of Python only.
        OSError: the file cannot be written.
    """
    members = dict(_own_members())
    native: dict[str, str] = {}
    oldest_python = _OLDEST_PYTHON
    for distribution in map(_distribution, _requirements()):
        oldest_python = max(oldest_python, _oldest_python(distribution))
        for path in distribution.files or ():
            if ".abi3." in path.name:
                module = ".".join((*path.parent.parts, path.name.split(".", 1)[0]))
                native[module] = path.name
                members[f"exporter/{NATIVE}/{path.name}"] = path.read_binary()
            elif path.suffix == ".so" and _OPTIONAL.match(path.as_posix()):
                continue
            elif path.suffix == ".so":
                raise BundleError(f"{path} runs on one version of Python only")
            elif ".." not in path.parts and (path.suffix == ".py" or _LICENCE.search(path.name)):
                members[path.as_posix()] = path.read_binary()
    manifest = {"native_modules": native, "oldest_python": oldest_python}
    members[f"exporter/{MANIFEST}"] = json.dumps(manifest, sort_keys=True).encode()
    members["__main__.py"] = (_SOURCE / "launcher.py").read_bytes()
    descriptor, temporary = tempfile.mkstemp(dir=output.parent, prefix=output.name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(_SHEBANG)
            _write(file, members)
        Path(temporary).chmod(0o755)
        Path(temporary).replace(output)
    except BaseException:
        Path(temporary).unlink()
        raise
    return output.stat().st_size


def _write(file: BinaryIO, members: dict[str, bytes]) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(members.items()):
            # A fixed time, the epoch of zip files, keeps the build reproducible.
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            archive.writestr(info, content)


def _own_members() -> Iterator[tuple[str, bytes]]:
    for path in sorted(_SOURCE.rglob("*.py")):
        if path.name == "bundle.py":
            continue  # One archive builds no other one.
        yield f"exporter/{path.relative_to(_SOURCE).as_posix()}", path.read_bytes()
    for pattern in ("*.service", "*.socket"):
        for path in sorted((_SOURCE / "installation").glob(pattern)):
            yield f"exporter/installation/{path.name}", path.read_bytes()
    model = _SOURCE.parent / "model"
    for path in (*(model / name for name in _MODEL), *sorted(model.glob("web_config/*.py"))):
        yield f"model/{path.relative_to(model).as_posix()}", path.read_bytes()
    own = _distribution(_DISTRIBUTION)
    for file in own.files or ():
        if _LICENCE.search(file.name):
            yield file.as_posix(), file.read_binary()
    # `importlib.metadata.version` reads no more of the metadata than these lines.
    header = f"Metadata-Version: 2.1\nName: {_DISTRIBUTION}\nVersion: {own.version}\n"
    yield f"{_DISTRIBUTION}-{own.version}.dist-info/METADATA", header.encode()
    yield f"exporter/{BUNDLED}", own.version.encode()


def _requirements() -> list[str]:
    """Return the names of the packages that the exporter requires, directly or indirectly."""
    found: dict[str, None] = {}
    waiting = [_DISTRIBUTION]
    while waiting:
        for requirement in _distribution(waiting.pop()).requires or ():
            name, _, marker = requirement.partition(";")
            match = _REQUIREMENT.match(name)
            # A requirement with a marker is for an extra, another platform or an old Python.
            if match and not marker and match[0] not in found.keys() | _NOT_BUNDLED:
                found[match[0]] = None
                waiting.append(match[0])
    return list(found)


def _oldest_python(distribution: metadata.Distribution) -> tuple[int, int]:
    match = _REQUIRES_PYTHON.search(distribution.metadata["Requires-Python"] or "")
    return (3, int(match[1])) if match else _OLDEST_PYTHON


def _distribution(name: str) -> metadata.Distribution:
    try:
        return metadata.distribution(name)
    except metadata.PackageNotFoundError as exc:
        raise BundleError(f"{name} is not installed") from exc


if __name__ == "__main__":
    build_exporter(sys.argv[1:], "python -m exporter.bundle")
