"""The keys of hosts that push: created, rotated and revoked."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from model.clock import Clock
from storage.api.errors import NotFoundError
from storage.api.host_keys import HostKey, HostKeyRecords
from storage.api.hosts import Host, NewHost
from web.fleet.hosts import FleetHost
from web.hosts.forms import HostKeyRotationForm
from web.http.errors import ConflictError
from web.identity.secret_hashes import secret_hash

_KEY_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A new key with its secret, of which only a hash is stored."""

    secret: str
    key: HostKey


class HostKeyring:
    """Manages the keys of hosts."""

    def __init__(self, keys: HostKeyRecords, clock: Clock) -> None:
        self._keys, self._clock = keys, clock

    async def register(self, host: NewHost, given: str | None) -> tuple[Host, IssuedKey]:
        """Register a host that pushes, with a given key or a new one.

        Raises:
            TakenError: its name is registered already, or the key is in use.
        """
        secret = given or _new_secret()
        added, key = await self._keys.add_host(host, secret_hash(secret), self._clock())
        return added, IssuedKey(secret, key)

    async def rotate(self, host: FleetHost, form: HostKeyRotationForm) -> IssuedKey:
        """Give a host another key.

        Raises:
            ConflictError: the host does not push.
            TakenError: the key is in use.
        """
        secret, now_ms = form.key or _new_secret(), self._clock()
        host_id = _pushing(host)
        try:
            key = await self._keys.rotate(
                host_id, secret_hash(secret), now_ms, now_ms + form.overlap_s * 1000
            )
        except NotFoundError as exc:
            raise ConflictError("the host was removed in the meantime") from exc
        return IssuedKey(secret, key)

    async def revoke(self, host: FleetHost) -> None:
        """End every key of a host at once.

        Raises:
            ConflictError: the host does not push.
        """
        await self._keys.revoke(_pushing(host))

    async def of_host(self, host: FleetHost) -> Sequence[HostKey]:
        """Return a host's valid keys, newest first."""
        return [key for key in await self._keys.live(self._clock()) if key.host_id == host.id]


def _pushing(host: FleetHost) -> int:
    if host.id is None or not host.pushes:
        raise ConflictError(f"{host.name} does not push, it is scraped")
    return host.id


def _new_secret() -> str:
    return secrets.token_urlsafe(_KEY_BYTES)
