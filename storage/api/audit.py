"""The audit log: who changed what, from where, and who tried to log in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

LOGIN_FAILED: Final = "login.failed"
"""Kept apart from the rest by `AuditRetention`: anybody can make such entries."""


@dataclass(frozen=True, slots=True)
class NewAuditEntry:
    """What happened.

    Attributes:
        actor: a user's name, or what acted in nobody's name; "" for a stranger.
        address: where the request came from, "" for this machine.
        action: such as `user.add`.
        subject: what it was done to, such as a user's or a host's name.
        details: more of it, by name; never a secret.
    """

    time_ms: int
    actor: str
    address: str
    action: str
    subject: str = ""
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AuditEntry(NewAuditEntry):
    """An entry of the log; later ones have higher ids."""

    id: int = 0


@dataclass(frozen=True, slots=True)
class AuditRetention:
    """What is kept: the newest entries, not beyond an age.

    Attributes:
        failed_logins: of them so many at most, so that guessing pushes nothing else out.
    """

    entries: int
    failed_logins: int
    age_ms: int


class AuditRecords(Protocol):
    """The audit log."""

    async def add(self, entry: NewAuditEntry, retention: AuditRetention) -> None:
        """Append an entry, and drop what retention does not keep as of its time."""

    async def entries(self, limit: int, before_id: int | None = None) -> Sequence[AuditEntry]:
        """Return the newest entries, or the newest of those older than one; newest first."""
