"""Runs the exporter without what Windows' Python lacks: `python_of_windows.py OPTION...`.

psutil's own module for Windows does not run here: it answers for this machine.
"""

import os
import platform
import signal
import socket
import sys
import time
from importlib import import_module

# They choose their code for the system when they are imported.
CHOOSING = ("asyncio", "http.server", "logging.handlers", "psutil", "ssl", "subprocess", "tempfile")
LACKING = {
    os: (
        *("O_CLOEXEC", "O_DIRECTORY", "O_NOFOLLOW", "O_NONBLOCK", "geteuid", "getloadavg"),
        *("getuid", "killpg", "posix_spawn", "pread", "register_at_fork", "sched_getaffinity"),
        *("statvfs", "statvfs_result", "sysconf", "uname", "uname_result"),
    ),
    socket: ("AF_NETLINK", "AF_PACKET", "AF_UNIX", "SOCK_CLOEXEC", "SO_REUSEPORT", "CMSG_LEN"),
    signal: ("SIGCHLD", "SIGHUP", "SIGKILL", "SIGQUIT", "pthread_sigmask", "sigwait"),
    time: ("clock_gettime", "tzset"),
}


def socketpair() -> tuple[socket.socket, socket.socket]:
    """Return two connected sockets, as Windows' Python makes them."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        one = socket.create_connection(listener.getsockname())
        other, _ = listener.accept()
    return one, other


def main() -> None:
    """Take away what is lacking, and run the exporter."""
    for name in CHOOSING:
        import_module(name)
    # Windows' Python asks the command `ver`; the answer, once given, is kept.
    platform.uname()
    for module in ("fcntl", "grp", "posix", "pwd", "resource", "syslog", "termios"):
        sys.modules[module] = None  # type: ignore[assignment]
    for owner, names in LACKING.items():
        for name in names:
            if hasattr(owner, name):
                delattr(owner, name)
    socket.socketpair = socketpair  # type: ignore[assignment]
    sys.platform = "win32"
    from exporter.command import exporter

    exporter(sys.argv[1:])


if __name__ == "__main__":
    main()
