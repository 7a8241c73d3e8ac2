"""Where a host's kernel files are, and how they are read.

Every collector is handed its roots, so that it runs on a fixture tree as well as on
the host, and in a container on the host's file systems mounted elsewhere.
"""

import os
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Roots:
    """Absolute paths of the trees to read, as node_exporter's `--path.*` options.

    Attributes:
        proc: procfs.
        sys: sysfs.
        rootfs: prefix of the host's own root directory.
        udev: udev's database of devices.
    """

    proc: str = "/proc"
    sys: str = "/sys"
    rootfs: str = "/"
    udev: str = "/run/udev/data"

    def host_path(self, path: str) -> str:
        """Return where the host's absolute `path` is found from here."""
        return path if self.rootfs == "/" else self.rootfs.rstrip("/") + path


def read_text(path: str, errors: str = "replace") -> str:
    """Return a kernel file's whole content; bytes that are no UTF-8 become U+FFFD.

    Args:
        path: the file.
        errors: what else to do with such bytes, as in `bytes.decode`.

    Raises:
        OSError: it is missing, or the kernel refused to tell.
    """
    # os.read instead of open(): half the cost, and a scrape reads hundreds of them.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        parts = []
        # A short read says nothing: seq files end one wherever a record would not fit.
        while part := os.read(descriptor, 65536):
            parts.append(part)
    finally:
        os.close(descriptor)
    return b"".join(parts).decode("utf-8", errors)


def read_lines(path: str, errors: str = "replace") -> list[str]:
    """Return a kernel file's lines, ended by line feeds alone.

    `str.splitlines` also ends them at characters that a mount point or a device may have
    in its name.
    """
    text = read_text(path, errors)
    return text.removesuffix("\n").split("\n") if text else []


def read_value(path: str) -> str | None:
    """Return a one-value file's content without its newline, None if it cannot be read.

    Drivers refuse single attributes (EINVAL, ENODEV, EIO) that their siblings have.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            # An attribute of sysfs is never longer than a page, and read at once; so is
            # a process's `stat`.
            content = os.read(descriptor, 4096)
        finally:
            os.close(descriptor)
    except OSError:
        return None
    return content.decode("utf-8", "replace").strip()


def read_number(path: str) -> int | None:
    """Return a one-number file's value, decimal or `0x` hexadecimal, None if there is none."""
    text = read_value(path)
    if not text:
        return None
    try:
        return int(text, 16) if text.startswith("0x") else int(text)
    except ValueError:
        return None


def list_names(path: str) -> list[str]:
    """Return a directory's entries, sorted; none where it is missing or unreadable."""
    try:
        return sorted(os.listdir(path))  # noqa: PTH208 - names, not paths.
    except OSError:
        return []
