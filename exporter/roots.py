"""Where a host's kernel files are, and functions that read them.

Each collector receives the roots to read below, so that it runs on a test's directory
tree, and in a container that has the host's file systems mounted elsewhere.
"""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Roots:
    """Absolute paths of the trees to read, like node_exporter's `--path.*` options.

    Attributes:
        proc: procfs.
        sys: sysfs.
        rootfs: the host's root directory.
        udev: udev's device database.
    """

    proc: str = "/proc"
    sys: str = "/sys"
    rootfs: str = "/"
    udev: str = "/run/udev/data"

    def host_path(self, path: str) -> str:
        """Return the path, below `rootfs`, of the host's absolute `path`."""
        return path if self.rootfs == "/" else self.rootfs.rstrip("/") + path


def read_text(path: str, errors: str = "replace") -> str:
    """Return a kernel file's whole content.

    Args:
        path: the file.
        errors: how to decode invalid UTF-8, as in `bytes.decode`; by default each
            invalid byte becomes U+FFFD.

    Raises:
        OSError: the file is missing, or the kernel refuses to read it.
    """
    # os.read instead of open(): half the cost, and a scrape reads hundreds of files.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        parts = []
        # A short read is not the end: seq files stop where the next record does not fit.
        while part := os.read(descriptor, 65536):
            parts.append(part)
    finally:
        os.close(descriptor)
    return b"".join(parts).decode("utf-8", errors)


def read_lines(path: str, errors: str = "replace") -> list[str]:
    """Return a kernel file's lines, split at line feeds only.

    `str.splitlines` also splits at other characters, which the name of a mount point or
    device may contain.
    """
    text = read_text(path, errors)
    return text.removesuffix("\n").split("\n") if text else []


def read_value(path: str) -> str | None:
    """Return the content of a one-value file without its newline, None if it is unreadable.

    A driver may refuse one attribute (EINVAL, ENODEV, EIO) and serve the others.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            # One read suffices: a sysfs attribute has at most one page, 4,096 bytes, and
            # a process's `stat` is shorter.
            content = os.read(descriptor, 4096)
        finally:
            os.close(descriptor)
    except OSError:
        return None
    return content.decode("utf-8", "replace").strip()


def read_number(path: str) -> int | None:
    """Return the value of a one-number file, decimal or `0x` hexadecimal, None without one."""
    text = read_value(path)
    if not text:
        return None
    try:
        return int(text, 16) if text.startswith("0x") else int(text)
    except ValueError:
        return None


def list_names(path: str) -> list[str]:
    """Return a directory's entries, sorted; none if it is missing or unreadable."""
    try:
        return sorted(os.listdir(path))  # noqa: PTH208 - names, not paths.
    except OSError:
        return []
