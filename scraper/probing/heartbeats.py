"""Heartbeats: URLs that jobs call, and when each was called last."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from model.clock import Clock
from storage.api.errors import StorageError
from storage.api.status.probes import HeartbeatRow, ProbeRecords

log = structlog.get_logger(__name__)

_TOKEN_BYTES: Final = 24
_LONGEST_MESSAGE: Final = 200


@dataclass(frozen=True, slots=True)
class Beat:
    """The last call of a heartbeat's URL.

    Attributes:
        at_ms: when.
        failed: whether the call reported a failure.
        message: the reason that it gave, "" for none.
    """

    at_ms: int
    failed: bool = False
    message: str = ""


class Heartbeats:
    """The issued URLs and their last calls; in memory, and in the records.

    Args:
        records: hold the hashes of the URLs' tokens, and the last calls.
        hash_of: returns the hash of a token.
        clock: the current time.
    """

    def __init__(self, records: ProbeRecords, hash_of: Callable[[str], str], clock: Clock) -> None:
        self._records, self._hash_of, self._clock = records, hash_of, clock
        self._names: dict[str, str] = {}
        self._beats: dict[str, Beat] = {}
        self._started_ms = clock()
        self._issued_ms: dict[str, int] = {}

    async def load(self) -> None:
        """Read the URLs and the last calls from the records.

        Raises:
            StorageError: the records cannot be read.
        """
        self._take(await self._records.heartbeats())

    def _take(self, rows: Sequence[HeartbeatRow]) -> None:
        self._names = {row.token_hash: row.name for row in rows}
        self._issued_ms = {row.name: row.issued_ms for row in rows}
        for row in rows:
            known = self._beats.get(row.name)
            if row.beat_ms is not None and (known is None or known.at_ms < row.beat_ms):
                self._beats[row.name] = Beat(row.beat_ms, row.failed, row.message)

    def has_url(self, name: str) -> bool:
        """Report whether a URL was issued for a probe."""
        return name in self._issued_ms

    def last(self, name: str) -> Beat | None:
        """Return the last call for a probe, None before the first."""
        return self._beats.get(name)

    def since_ms(self, name: str) -> int:
        """Return from when on the next call is due: calls are missed while the server is down."""
        beat = self._beats.get(name)
        return max(
            self._started_ms, self._issued_ms.get(name, 0), 0 if beat is None else beat.at_ms
        )

    async def issue(self, name: str) -> str:
        """Return a new token for the URL of a probe; the one before is no longer valid.

        Raises:
            StorageError: the token cannot be stored.
        """
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        now_ms = self._clock()
        await self._records.issue_heartbeat(name, self._hash_of(token), now_ms)
        self._beats.pop(name, None)
        await self.load()
        return token

    async def forget(self, name: str) -> None:
        """Delete the URL of a probe.

        Raises:
            StorageError: the records cannot be written.
        """
        await self._records.forget_heartbeat(name)
        self._beats.pop(name, None)
        await self.load()

    async def beat(self, token: str, *, failed: bool = False, message: str = "") -> bool:
        """Take a call; return whether a probe has this token."""
        token_hash = self._hash_of(token)
        name = self._names.get(token_hash)
        if name is None:
            return False
        beat = Beat(self._clock(), failed, message[:_LONGEST_MESSAGE])
        self._beats[name] = beat
        try:
            await self._records.beat(name, beat.at_ms, failed=failed, message=beat.message)
        except StorageError as exc:
            # The probe goes on with the call in memory.
            log.warning("heartbeat_not_stored", probe=name, error=str(exc))
        return True
