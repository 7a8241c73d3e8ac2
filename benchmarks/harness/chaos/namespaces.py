"""Namespaces of the benchmark's own: addresses that can vanish, a disk that can be full.

`Namespaces.enter` moves this process into a network and a mount namespace of its own, so that
nothing on the machine outside changes. That needs root and iproute2. Without them, the
benchmark runs on the machine's loopback and leaves out the faults that need namespaces.
"""

import ctypes
import os
import shutil
import subprocess
from pathlib import Path
from typing import Self

_CLONE_NEWNS, _CLONE_NEWNET = 0x0002_0000, 0x4000_0000  # linux/sched.h
_SINK = "chaos0"
_NETWORK = "10.99"
_FILL_CHUNK = bytes(1 << 20)


class Namespaces:
    """The namespaces, or the machine as it is.

    Attributes:
        own: whether this process has namespaces of its own.
        reason: why it has none.
        network: the first two bytes of the targets' addresses.
    """

    def __init__(self) -> None:
        self.own, self.reason, self.network = False, "", "127.0"

    def enter(self) -> None:
        """Enter namespaces of our own if that is allowed; call it before threads start."""
        self.reason = _missing()
        if self.reason:
            return
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(_CLONE_NEWNS | _CLONE_NEWNET):
            self.reason = os.strerror(ctypes.get_errno())
            return
        try:
            _run("mount", "--make-rprivate", "/")
            _run("ip", "link", "set", "lo", "up")
            # Packets to an address that lo does not have go into a device that nobody
            # reads: they vanish as in a cut network, without an error.
            _run("ip", "tuntap", "add", "mode", "tun", "name", _SINK)
            _run("ip", "link", "set", _SINK, "up")
            _run("ip", "addr", "add", f"{_NETWORK}.255.254/16", "dev", _SINK)
        except (OSError, subprocess.CalledProcessError) as exc:
            self.reason = f"{exc}"
            return
        self.own, self.network = True, _NETWORK

    def connect(self, address: str) -> None:
        """Give an address of the network to this machine; has no effect without namespaces."""
        if self.own:
            _run("ip", "addr", "add", f"{address}/32", "dev", "lo")

    def cut(self, address: str) -> None:
        """Take an address away: packets to it vanish, those of open connections too."""
        _run("ip", "addr", "del", f"{address}/32", "dev", "lo")

    def use_name_server(self, address: str, directory: Path) -> None:
        """Have programs resolve names with one server; needs namespaces."""
        file = directory / "resolv.conf"
        file.write_text(f"nameserver {address}\n")
        _run("mount", "--bind", str(file), str(Path("/etc/resolv.conf").resolve()))


class SmallDisk:
    """A file system of limited size while a `with` block runs; needs namespaces."""

    def __init__(self, directory: Path, size_bytes: int) -> None:
        self._directory, self._size_bytes = directory, size_bytes
        self._filling = directory / "filling"

    def __enter__(self) -> Self:
        self._directory.mkdir(parents=True, exist_ok=True)
        options = f"size={self._size_bytes},mode=700"
        _run("mount", "-t", "tmpfs", "-o", options, "chaos", str(self._directory))
        return self

    def __exit__(self, *_: object) -> None:
        # Lazily: a process that is being killed may still have files open.
        _run("umount", "--lazy", str(self._directory))

    def fill(self) -> None:
        """Leave no free byte."""
        with self._filling.open("wb", buffering=0) as file:
            try:
                while file.write(_FILL_CHUNK) == len(_FILL_CHUNK):
                    pass
            except OSError:
                return

    def free(self) -> None:
        """Free it again."""
        self._filling.unlink(missing_ok=True)


def _missing() -> str:
    if os.geteuid():
        return "it needs root"
    missing = [name for name in ("ip", "mount") if shutil.which(name) is None]
    return f"{missing[0]} is not installed" if missing else ""


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
