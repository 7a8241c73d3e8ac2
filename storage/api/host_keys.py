"""Host keys: the secrets by which pushing hosts are known.

Secrets never reach the store: it is given their SHA-256 (hex). While a key is being
rotated a host has two, the old one until it expires.
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
        last_used_ms: None until it was used.
    """

    id: int
    host_id: int
    secret_hash: str
    created_ms: int
    expires_ms: int | None = None
    last_used_ms: int | None = None

    @property
    def fingerprint(self) -> str:
        """What tells it from others without telling the secret."""
        return fingerprint(self.secret_hash)


def fingerprint(secret_hash: str) -> str:
    """Return the part of a hash by which people may know a key."""
    return secret_hash[:_FINGERPRINT_DIGITS]


class HostKeyRecords(Protocol):
    """The keys of all pushing hosts."""

    async def add_host(self, host: NewHost, secret_hash: str, now_ms: int) -> tuple[Host, HostKey]:
        """Register a pushing host together with its key.

        Raises:
            TakenError: the name is registered already, or the key in use.
        """

    async def live(self, now_ms: int) -> Sequence[HostKey]:
        """Return the keys that are valid, those of a host newest first."""

    async def find(self, secret_hash: str, now_ms: int) -> tuple[HostKey, Host] | None:
        """Return the valid key with this hash and its host, None if there is none."""

    async def rotate(
        self, host_id: int, secret_hash: str, now_ms: int, old_until_ms: int
    ) -> HostKey:
        """Give a host another key; its present ones stay valid until `old_until_ms` at most.

        Raises:
            NotFoundError: no pushing host has this id.
            TakenError: the key is in use.
        """

    async def revoke(self, host_id: int) -> int:
        """End every key of a host at once; return how many there were."""

    async def touch(self, key_id: int, now_ms: int) -> None:
        """Note that a key was used; an unknown one is ignored."""
