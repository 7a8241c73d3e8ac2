"""Stored probes, and the heartbeats that probes wait for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from storage.api.errors import RecordError


class TooManyProbesError(RecordError):
    """There are as many probes as the records take."""

    def __init__(self, most: int) -> None:
        super().__init__(f"there are {most} probes, the most that are stored; delete some")


@dataclass(frozen=True, slots=True)
class ProbeRow:
    """A probe that users made.

    Attributes:
        name: identifies it.
        definition: as JSON, without secrets.
        sealed: its secrets, encrypted; "" for none.
        author: the user who changed it last.
        created_ms, changed_ms: when it was stored first and last.
    """

    name: str
    definition: str
    sealed: str
    author: str
    created_ms: int
    changed_ms: int


@dataclass(frozen=True, slots=True)
class HeartbeatRow:
    """The URL of a heartbeat, and its last call.

    Attributes:
        name: of the probe.
        token_hash: the hash of the URL's token.
        issued_ms: when the URL was issued.
        beat_ms: when it was called last, None before the first call.
        failed: whether that call reported a failure.
        message: the reason that it gave.
    """

    name: str
    token_hash: str
    issued_ms: int
    beat_ms: int | None
    failed: bool
    message: str


class ProbeRecords(Protocol):
    """The probes that users made, and the heartbeats of all probes."""

    async def all(self) -> Sequence[ProbeRow]:
        """Return all probes by name."""

    async def add(self, row: ProbeRow) -> None:
        """Store a new probe.

        Raises:
            TakenError: another one has its name.
            TooManyProbesError: there are too many.
        """

    async def change(self, row: ProbeRow) -> None:
        """Store a probe anew; when it was created stays.

        Raises:
            NotFoundError: none has its name.
        """

    async def remove(self, name: str) -> None:
        """Delete a probe and its heartbeat.

        Raises:
            NotFoundError: none has this name.
        """

    async def heartbeats(self) -> Sequence[HeartbeatRow]:
        """Return the heartbeats of all probes."""

    async def issue_heartbeat(self, name: str, token_hash: str, now_ms: int) -> None:
        """Store the URL of a probe's heartbeat in place of an earlier one."""

    async def forget_heartbeat(self, name: str) -> None:
        """Delete the URL of a probe's heartbeat, if it has one."""

    async def beat(self, name: str, at_ms: int, *, failed: bool, message: str) -> None:
        """Store the last call of a heartbeat."""
