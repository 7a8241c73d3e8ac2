"""Passwords: argon2id at OWASP's setting, off the event loop.

Source: OWASP Password Storage Cheat Sheet (19 MiB, two passes, one lane).
"""

import asyncio
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar, TypeVarTuple

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from web.http.errors import UnavailableError

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")

SHORTEST = 10
LONGEST = 256
_MOST_WAITING = 32
"""About a second of hashing on two threads: further logins are told to come again."""


def _hasher() -> PasswordHasher:
    return PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def hash_password(password: str) -> str:
    """Return the argon2id hash of a password; blocks for some 30 ms."""
    return _hasher().hash(password)


def generate_password() -> str:
    """Return a random password that a person can read out: 20 characters, 95 bits."""
    # No 0/O, 1/l/i: it is copied from a terminal by hand.
    alphabet = "abcdefghjkmnpqrstuvwxyz23456789"
    groups = ["".join(secrets.choice(alphabet) for _ in range(5)) for _ in range(4)]
    return "-".join(groups)


class Passwords:
    """Hashes and verifies on threads of its own, a bounded number at a time."""

    def __init__(self, threads: int = 2) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="argon2")
        self._waiting = 0
        self._dummy: str | None = None

    async def hash(self, password: str) -> str:
        """Return the hash of a new password.

        Raises:
            UnavailableError: too many logins wait already.
        """
        return await self._run(hash_password, password)

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """Tell whether the password fits; None (no such user) takes as long as a real one.

        Raises:
            UnavailableError: too many logins wait already.
        """
        if self._dummy is None:
            # At the first login whoever it is of, so that it too tells nothing.
            self._dummy = await self.hash(secrets.token_urlsafe(16))
        fits = await self._run(_verify, password_hash or self._dummy, password)
        return fits and password_hash is not None

    async def _run(self, work: Callable[[*Arguments], T], *arguments: *Arguments) -> T:
        if self._waiting >= _MOST_WAITING:
            raise UnavailableError("too many logins at once; try again in a few seconds")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """End the threads once their work is done."""
        self._threads.shutdown(wait=False)


def _verify(password_hash: str, password: str) -> bool:
    try:
        return _hasher().verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False
