"""Changes accounts in a data directory that no server uses, for the machine's administrator."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TypeVar

from daemon.configuration.configuration import ConfigurationSource
from daemon.data_directory import DataDirectory
from daemon.errors import DataDirectoryError
from daemon.store_access import opened_records
from model.clock import system_clock
from storage.api.accounts import Role, User
from storage.api.audit import AuditRetention, NewAuditEntry
from storage.api.errors import NotFoundError
from storage.records.store import Records
from web.accounts.forms import UserForm
from web.http.routing import COMMAND_LINE
from web.identity.keys import KeyRing
from web.identity.passwords import hash_password

T = TypeVar("T")

# Old entries of the audit log are deleted by the server, which knows the limits.
_KEEP_ALL = AuditRetention(2**62, 2**62, 2**62)


@contextmanager
def locked_if_unused(directory: DataDirectory) -> Iterator[bool]:
    """Lock a data directory and yield True, or yield False if a server has it locked.

    Raises:
        DataDirectoryError: there is no such directory.
    """
    directory.require_used()
    with ExitStack() as stack:
        try:
            stack.enter_context(directory.locked())
            is_unused = True
        except DataDirectoryError:
            is_unused = False
        with directory.ownership_kept():
            yield is_unused


@dataclass(frozen=True, slots=True)
class OfflineAccounts:
    """The accounts in a data directory that this process has locked."""

    directory: DataDirectory

    def set_password(self, name: str, password: str) -> None:
        """Set a password and end the user's sessions and tokens.

        Raises:
            NotFoundError: no such user.
            ValidationError: the password is too short, too long or too easy to guess.
        """
        form = UserForm(name=name, password=password)
        password_hash = hash_password(form.password)

        async def work(records: Records) -> None:
            await records.accounts.set_password(name, password_hash)
            await _audit(records, "user.password", name)

        self._run(work)

    def set_role(self, name: str, role: Role) -> None:
        """Give a user another role.

        Raises:
            NotFoundError: no such user.
            LastAdminError: the user is the last administrator.
        """

        async def work(records: Records) -> None:
            await records.accounts.set_role(name, role)
            await _audit(records, "user.role", name, role=role)

        self._run(work)

    def reset_second_factor(self, name: str) -> None:
        """Turn a user's second factor off.

        Raises:
            NotFoundError: no such user, or the user has no second factor.
        """

        async def work(records: Records) -> None:
            user = await _user(records, name)
            if not await records.second_factors.remove(user.id):
                raise NotFoundError("second factor of user", name)
            await _audit(records, "second-factor.off", name)

        self._run(work)

    def end_sessions(self, name: str) -> int:
        """End all of a user's sessions and tokens; return how many.

        Raises:
            NotFoundError: no such user.
        """

        async def work(records: Records) -> int:
            user = await _user(records, name)
            ended = await records.accounts.revoke_credentials(user.id)
            await _audit(records, "credential.revoke-all", name, ended=str(ended))
            return ended

        return self._run(work)

    def rotate_keys(self, *, at_once: bool) -> None:
        """Replace the signing key; the old key's tokens expire normally, or end at once.

        Raises:
            KeysError: the key file is damaged.
        """
        lifetime_s = ConfigurationSource().settings().web.token_lifetime_s
        now_ms = system_clock()
        keys = KeyRing.open(self.directory.keys, now_ms)
        keys.rotate(now_ms, 0 if at_once else lifetime_s * 1000)

        async def work(records: Records) -> None:
            await _audit(records, "keys.rotate", "", at_once=str(at_once).lower())

        self._run(work)

    def _run(self, work: Callable[[Records], Awaitable[T]]) -> T:
        if not self.directory.records.is_file():
            raise DataDirectoryError(
                f"{self.directory.path} has no records.db: no server has used it yet"
            )

        async def run() -> T:
            async with opened_records(self.directory.records) as records:
                return await work(records)

        return asyncio.run(run())


async def _user(records: Records, name: str) -> User:
    user = await records.accounts.user(name)
    if user is None:
        raise NotFoundError("user", name)
    return user


async def _audit(records: Records, action: str, subject: str, **details: str) -> None:
    entry = NewAuditEntry(system_clock(), COMMAND_LINE.name, "", action, subject, details)
    await records.audit.add(entry, _KEEP_ALL)
