"""The audit log: changes that users make, and failed logins."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

LOGIN_FAILED: Final = "login.failed"
"""`AuditRetention` limits these entries separately: anybody can cause them."""


@dataclass(frozen=True, slots=True)
class NewAuditEntry:
    """One action that is to be logged.

    Attributes:
        actor: the name of a user or of a part of the server; "" for a stranger.
        address: the address that the request came from, "" for this machine.
        action: such as `user.add`.
        subject: the name of the user, host or other thing that was changed.
        details: further facts by name; never a secret.
    """

    time_ms: int
    actor: str
    address: str
    action: str
    subject: str = ""
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AuditEntry(NewAuditEntry):
    """An entry of the log; later entries have higher ids."""

    id: int = 0


@dataclass(frozen=True, slots=True)
class AuditRetention:
    """The limits of the audit log: its newest entries, up to an age.

    Attributes:
        entries: the largest number of entries.
        failed_logins: the largest number of failed logins among them, so that a password
            guesser cannot displace other entries.
        age_ms: the largest age.
    """

    entries: int
    failed_logins: int
    age_ms: int


class AuditRecords(Protocol):
    """The audit log."""

    async def add(self, entry: NewAuditEntry, retention: AuditRetention) -> None:
        """Append an entry, and delete those that `retention` does not keep."""

    async def entries(self, limit: int, before_id: int | None = None) -> Sequence[AuditEntry]:
        """Return the newest entries older than `before_id`, or of all; newest first."""
