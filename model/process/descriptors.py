"""File descriptors: how many this process may open, and which errors mean that one is lacking."""

import errno
import os
import resource
from typing import Final

EXHAUSTED: Final = frozenset(
    {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL}
)
"""Errors of a new connection that are the fault of this machine, not of the other one."""


def raise_descriptor_limit() -> int:
    """Raise this process's soft limit to the hard one, and return the limit.

    The soft limit is 1,024 by tradition, for programs that call select(). Go's runtime
    raises it in the same way.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def descriptor_limit() -> int:
    """Return how many descriptors this process may open."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def has_free_descriptor() -> bool:
    """Return whether a descriptor can be opened now."""
    try:
        os.close(os.dup(2))
    except OSError as exc:
        return exc.errno == errno.EBADF
    return True
