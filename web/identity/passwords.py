"""Hashes passwords with argon2id, outside the event loop.

Source: OWASP Password Storage Cheat Sheet (19 MiB, two passes, one lane).
"""

import asyncio
import secrets
from collections.abc import Callable
from typing import TypeVar, TypeVarTuple

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from model.limits import LimitName, Refusals
from model.process.worker_threads import WorkerThreads
from web.http.errors import UnavailableError
from web.identity.readable_codes import readable_code

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")

SHORTEST = 10
LONGEST = 256
_MOST_WAITING = 32
"""About a second of hashing on two threads; further logins are refused with status 503."""


def _hasher() -> PasswordHasher:
    return PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def hash_password(password: str) -> str:
    """Return the argon2id hash of a password; blocks for some 30 ms."""
    return _hasher().hash(password)


def generate_password() -> str:
    """Return a random password that is easy to copy: 20 characters, 95 bits."""
    return readable_code(4, 5)


class Passwords:
    """Hashes and verifies passwords on its own threads; the queue is bounded."""

    def __init__(self, refusals: Refusals, threads: int = 2) -> None:
        self._refusals = refusals
        self._threads = WorkerThreads(threads, thread_name_prefix="argon2")
        self._waiting = 0
        self._dummy: str | None = None

    async def hash(self, password: str) -> str:
        """Return the hash of a new password.

        Raises:
            UnavailableError: too many logins are waiting.
        """
        return await self._run(hash_password, password)

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """Report whether the password fits the hash; None (no such user) takes as long.

        Raises:
            UnavailableError: too many logins are waiting.
        """
        if self._dummy is None:
            # Made at the first login of any name, so that its duration reveals nothing.
            self._dummy = await self.hash(secrets.token_urlsafe(16))
        fits = await self._run(_verify, password_hash or self._dummy, password)
        return fits and password_hash is not None

    async def _run(self, work: Callable[[*Arguments], T], *arguments: *Arguments) -> T:
        if self._waiting >= _MOST_WAITING:
            self._refusals.count(LimitName.WAITING_LOGINS)
            raise UnavailableError("too many logins at once; try again in a few seconds")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Stop the threads after their current work."""
        self._threads.shutdown(wait=False)


def _verify(password_hash: str, password: str) -> bool:
    try:
        return _hasher().verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False
