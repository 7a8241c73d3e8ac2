"""Notifies systemd of the state of a service.

Source: systemd's sd_notify(3) and sd_watchdog_enabled(3).
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

_TIMEOUT_S = 1.0


def sd_notify(state: str, environ: Mapping[str, str] = os.environ) -> bool:
    """Send a state, such as "READY=1", and return whether systemd received it.

    Returns False if the service manager passed no NOTIFY_SOCKET or no longer listens on it.
    """
    address = environ.get("NOTIFY_SOCKET", "")
    if not address:
        return False
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
        # Should systemd not read for a while, the watchdog's thread must not stand still.
        channel.settimeout(_TIMEOUT_S)
        try:
            channel.connect(address)
            channel.sendall(state.encode())
        except OSError:
            return False
    return True


def watchdog_interval_s(environ: Mapping[str, str] = os.environ) -> float | None:
    """Return the interval for "WATCHDOG=1", half of systemd's limit; None without a limit."""
    limit_us = environ.get("WATCHDOG_USEC", "")
    if not limit_us.isdecimal() or int(limit_us) == 0:
        return None
    if environ.get("WATCHDOG_PID", "") not in ("", str(os.getpid())):
        return None
    return int(limit_us) / 2_000_000
