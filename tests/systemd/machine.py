"""A machine with a real systemd: namespaces over an overlay of a root directory.

It needs root and Debian's systemd and dbus. What happens on it stays on it.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from tempfile import mkdtemp
from typing import TypeVar

import psutil

T = TypeVar("T")

BOOT = Path(__file__).with_name("boot")
_PROGRAMS = ("systemctl", "dbus-daemon", "unshare", "nsenter", "pivot_root", "ip", "/sbin/init")
_BOOT_S = 240.0
_PATIENCE_S = 90.0
_RUNNING = ("running", "degraded")
# All namespaces, and the root and working directory of the machine's init.
_ENTERED = ("-m", "-u", "-i", "-n", "-p", "-C", "-r", "-w")


def why_not() -> str:
    """Return why no machine can be booted here, "" if one can."""
    if os.geteuid() != 0:
        return "booting systemd in namespaces needs root"
    missing = [program for program in _PROGRAMS if not shutil.which(program)]
    if missing:
        return f"{', '.join(missing)} missing: apt install systemd systemd-sysv dbus iproute2"
    unshared = subprocess.run(
        ["unshare", "--mount", "--pid", "--cgroup", "--fork", "mount", "-t", "tmpfs", "x", "/mnt"],
        capture_output=True,
        text=True,
    )
    return f"no namespaces: {unshared.stderr.strip()}" if unshared.returncode else ""


class CommandFailedError(AssertionError):
    """A command on the machine failed."""


@dataclass(frozen=True, slots=True)
class Machine:
    """A booted machine.

    Attributes:
        init: the pid of its systemd.
    """

    init: int

    def run(
        self,
        *command: str,
        check: bool = True,
        stdin: bytes = b"",
        environment: Mapping[str, str] | None = None,
        timeout_s: float = 300,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command as root on the machine, from /root.

        Raises:
            CommandFailedError: it failed, and `check` is true.
        """
        # Not the user's environment: services must find their files without it.
        given = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8"}
        done = subprocess.run(
            [
                *("nsenter", "-t", str(self.init)),
                *["-m", "-u", "-i", "-n", "-p", "-C", "-r", "-w", "--"],
                *command,
            ],
            input=stdin,
            capture_output=True,
            env=given | dict(environment or {}),
            timeout=timeout_s,
        )
        decoded = subprocess.CompletedProcess(
            command,
            done.returncode,
            done.stdout.decode(errors="replace"),
            done.stderr.decode(errors="replace"),
        )
        if check and done.returncode:
            raise CommandFailedError(
                f"{' '.join(command)}: status {done.returncode}\n{decoded.stdout}{decoded.stderr}"
            )
        return decoded

    def shell(self, script: str, **options: object) -> str:
        """Run a shell script on the machine; return its standard output."""
        return self.run("sh", "-euc", script, **options).stdout  # type: ignore[arg-type]

    def write(self, path: str, text: str, mode: str = "0644") -> None:
        """Write a file on the machine."""
        script = 'mkdir -p "$(dirname "$1")"; cat >"$1"; chmod "$2" "$1"'
        self.run("sh", "-euc", script, "sh", path, mode, stdin=text.encode())

    def copy(self, files: Iterable[tuple[Path, str]], target: str) -> None:
        """Copy files and folders, each with its name there, into a folder on the machine."""
        packed = BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            for path, name in files:
                archive.add(path, name, filter=_owned_by_root)
        self.run("mkdir", "-p", target)
        self.run("tar", "-xf", "-", "-C", target, stdin=packed.getvalue())

    def property(self, unit: str, name: str) -> str:
        """Return a property of a unit."""
        return self.run("systemctl", "show", unit, "--value", "-p", name).stdout.strip()

    def journal(self, unit: str) -> str:
        """Return what a unit has logged."""
        return self.run("journalctl", "-u", unit, "--no-pager", "-o", "cat").stdout


def _owned_by_root(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    if entry.name.endswith(".pyc"):
        return None
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    return entry


def wait_for_init(outer: subprocess.Popen[bytes]) -> int:
    """Return the pid of the machine's systemd once it has started its units."""
    deadline_s = time.monotonic() + _BOOT_S
    state = ""
    while time.monotonic() < deadline_s and outer.poll() is None:
        for child in psutil.Process(outer.pid).children():
            with contextlib.suppress(psutil.Error):
                if child.name() == "systemd":
                    started = Machine(child.pid).run("systemctl", "is-system-running", check=False)
                    state = started.stdout.strip()
                    if state in _RUNNING:
                        return child.pid
        time.sleep(0.1)
    raise CommandFailedError(f"systemd did not come up: {state or 'it ended'}")


@contextmanager
def booted(log: Path, root: Path = Path("/")) -> Iterator[Machine]:
    """Boot a machine, and destroy it at the end of the block.

    Args:
        log: gets what its systemd prints.
        root: its root directory, which stays as it is: by default this machine's.
    """
    work = mkdtemp(prefix="redshank-machine-")
    namespaces = ["--mount", "--net", "--pid", "--cgroup", "--ipc", "--uts", "--mount-proc"]
    namespaces += ["--fork", "--kill-child"]
    with log.open("wb") as output:
        outer = subprocess.Popen(
            ["unshare", *namespaces, *("--propagation", "private", str(BOOT), work, str(root))],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
        try:
            yield Machine(wait_for_init(outer))
        finally:
            # With its init, all processes of the machine end.
            outer.send_signal(signal.SIGKILL)
            outer.wait()
            shutil.rmtree(work)


def wait_for(condition: Callable[[], T], what: str) -> T:
    """Call the condition until its result is true, and return that result."""
    deadline_s = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline_s:
        if result := condition():
            return result
        time.sleep(0.1)
    raise CommandFailedError(f"waited {_PATIENCE_S} s in vain for {what}")
