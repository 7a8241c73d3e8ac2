"""The definitions of all probes: those of the configuration, and those that users made."""

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import structlog
from pydantic import ValidationError

from model.clock import Clock
from model.probing.definitions import ProbeDefinition
from storage.api.errors import NotFoundError, TakenError
from storage.api.status.probes import ProbeRecords, ProbeRow

log = structlog.get_logger(__name__)

_PURPOSE: Final = "headers of a probe"


class HeaderSealing(Protocol):
    """Encrypts and decrypts secrets."""

    async def ready(self) -> None:
        """Prepare for `seal` and `unseal`."""

    def seal(self, purpose: str, text: str) -> str:
        """Return a text encrypted."""

    def unseal(self, purpose: str, sealed: str) -> str:
        """Return the decrypted text; raise if it was sealed with another key."""


@dataclass(frozen=True, slots=True)
class ProbeEntry:
    """A probe, and where it comes from.

    Attributes:
        is_configured: whether it is in the configuration, where alone it can be changed.
        author: the user who changed it last, "" for one of the configuration.
        created_ms, changed_ms: None for one of the configuration.
    """

    definition: ProbeDefinition
    is_configured: bool = False
    author: str = ""
    created_ms: int | None = None
    changed_ms: int | None = None


class ProbeLibrary:
    """The probes by name. A probe of the configuration hides a stored one with its name.

    Args:
        records: the stored probes.
        sealing: encrypts the headers that they send.
        clock: the current time.
    """

    def __init__(self, records: ProbeRecords, sealing: HeaderSealing, clock: Clock) -> None:
        self._records, self._sealing, self._clock = records, sealing, clock
        self._configured: Sequence[ProbeDefinition] = ()
        self._stored: list[ProbeEntry] = []
        self.changed: Callable[[], Awaitable[None]] | None = None

    def apply(self, configured: Sequence[ProbeDefinition]) -> None:
        """Use the probes of another configuration."""
        self._configured = configured

    async def load(self) -> None:
        """Read the stored probes.

        Raises:
            StorageError: the records cannot be read.
        """
        stored = []
        for row in await self._records.all():
            try:
                stored.append(await self._entry(row))
            except (ValidationError, ValueError) as exc:
                # One that another version wrote must not stop the others.
                log.warning("probe_skipped", probe=row.name, error=str(exc)[:300])
        self._stored = stored

    async def _entry(self, row: ProbeRow) -> ProbeEntry:
        definition = ProbeDefinition.model_validate_json(row.definition)
        if row.sealed:
            await self._sealing.ready()
            try:
                headers = json.loads(self._sealing.unseal(_PURPOSE, row.sealed))
            except Exception as exc:  # noqa: BLE001 - the key ring is another package's.
                log.warning("probe_headers_lost", probe=row.name, error=str(exc))
                headers = {}
            definition = with_headers(definition, headers)
        return ProbeEntry(
            definition,
            author=row.author,
            created_ms=row.created_ms,
            changed_ms=row.changed_ms,
        )

    def entries(self) -> list[ProbeEntry]:
        """Return all probes by name."""
        found = {entry.definition.name: entry for entry in self._stored}
        found |= {one.name: ProbeEntry(one, is_configured=True) for one in self._configured}
        return [found[name] for name in sorted(found, key=lambda name: (name.casefold(), name))]

    def get(self, name: str) -> ProbeEntry:
        """Return a probe.

        Raises:
            NotFoundError: none has this name.
        """
        for entry in self.entries():
            if entry.definition.name == name:
                return entry
        raise NotFoundError("probe", name)

    async def add(self, definition: ProbeDefinition, author: str) -> ProbeEntry:
        """Store a new probe.

        Raises:
            TakenError: another probe has its name.
            TooManyProbesError: there are too many.
        """
        if any(one.name == definition.name for one in self._configured):
            raise TakenError("probe", "name", definition.name)
        now_ms = self._clock()
        await self._records.add(await self._row(definition, author, now_ms))
        return await self._after_change(definition.name)

    async def change(self, definition: ProbeDefinition, author: str) -> ProbeEntry:
        """Store a probe anew.

        Raises:
            NotFoundError: no stored probe has its name.
        """
        await self._records.change(await self._row(definition, author, self._clock()))
        return await self._after_change(definition.name)

    async def remove(self, name: str) -> None:
        """Delete a stored probe; its series end, and its history stays.

        Raises:
            NotFoundError: no stored probe has this name.
        """
        await self._records.remove(name)
        await self._notify()

    async def _row(self, definition: ProbeDefinition, author: str, now_ms: int) -> ProbeRow:
        headers, sealed = definition.http.headers, ""
        if headers:
            await self._sealing.ready()
            sealed = self._sealing.seal(_PURPOSE, json.dumps(headers))
        text = with_headers(definition, {}).model_dump_json()
        return ProbeRow(definition.name, text, sealed, author, now_ms, now_ms)

    async def _after_change(self, name: str) -> ProbeEntry:
        await self._notify()
        return self.get(name)

    async def _notify(self) -> None:
        await self.load()
        if self.changed is not None:
            await self.changed()


def with_headers(definition: ProbeDefinition, headers: dict[str, str]) -> ProbeDefinition:
    """Return a definition with other headers."""
    http = definition.http.model_copy(update={"headers": headers})
    return definition.model_copy(update={"http": http})
