"""Host keys: the secrets with which pushing hosts authenticate.

The store gets their SHA-256 in hex, never the secrets. A host has two keys while one is
being rotated: the new one, and the old one until it expires.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from storage.api.hosts import Host, NewHost

_FINGERPRINT_DIGITS: Final = 8


@dataclass(frozen=True, slots=True)
class HostKey:
    """One key of a pushing host.

    Attributes:
        secret_hash: the SHA-256 of the key, hex.
        expires_ms: when it stops being valid, None for never.
        last_used_ms: None before the first use.
    """

    id: int
    host_id: int
    secret_hash: str
    created_ms: int
    expires_ms: int | None = None
    last_used_ms: int | None = None

    @property
    def fingerprint(self) -> str:
        """A short name of the key that does not reveal the secret."""
        return fingerprint(self.secret_hash)


def fingerprint(secret_hash: str) -> str:
    """Return the beginning of a hash, by which people can recognise a key."""
    return secret_hash[:_FINGERPRINT_DIGITS]


class HostKeyRecords(Protocol):
    """The keys of all pushing hosts."""

    async def add_host(self, host: NewHost, secret_hash: str, now_ms: int) -> tuple[Host, HostKey]:
        """Register a pushing host with its key.

        Raises:
            TakenError: another host has the name, the `instance` label or the key already.
        """

    async def live(self, now_ms: int) -> Sequence[HostKey]:
        """Return all valid keys by host, newest first."""

    async def find(self, secret_hash: str, now_ms: int) -> tuple[HostKey, Host] | None:
        """Return the valid key with this hash and its host, None if there is none."""

    async def rotate(
        self, host_id: int, secret_hash: str, now_ms: int, old_until_ms: int
    ) -> HostKey:
        """Add a key to a host; its present keys expire at `old_until_ms` at the latest.

        Raises:
            NotFoundError: no pushing host has this id.
            TakenError: the key is already in use.
        """

    async def revoke(self, host_id: int) -> int:
        """Revoke all keys of a host at once, and return their number."""

    async def touch(self, key_id: int, now_ms: int) -> None:
        """Store the time at which a key was used; an unknown id is ignored."""
