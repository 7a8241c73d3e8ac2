"""TCP ports for programs that must be given one."""

import itertools
import os
import socket
from typing import Final

# Below the range from which the kernel takes ports for outgoing connections and for
# listeners on port 0, so that nobody takes a port between the check and its use.
_FIRST: Final = 20_000
_COUNT: Final = 12_000

# Test processes that run side by side begin at different ports.
_numbers = itertools.count(os.getpid() * 101)


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on and no other test was given."""
    for number in itertools.islice(_numbers, _COUNT):
        port = _FIRST + number % _COUNT
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError(f"no free port from {_FIRST} to {_FIRST + _COUNT - 1}")
