"""Stored status pages, their incidents, and what each component was like each day."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from storage.api.errors import RecordError


class TooManyPagesError(RecordError):
    """There are as many status pages, or incidents of one, as the records take."""

    def __init__(self, what: str, most: int) -> None:
        super().__init__(f"there are {most} {what}, the most that are stored; delete some")


@dataclass(frozen=True, slots=True)
class StatusPageRow:
    """A status page: its definition as JSON, and who changed it last."""

    slug: str
    definition: str
    author: str
    created_ms: int
    changed_ms: int


@dataclass(frozen=True, slots=True)
class Logo:
    """An image: its media type and its bytes."""

    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class IncidentUpdate:
    """An update of an incident, as published at one time."""

    state: str
    text: str
    author: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident of a status page.

    Attributes:
        id: 0 before it is stored.
        impact: minor, major or critical.
        state: of its last update.
        components: the ids of those that it affects.
        started_ms, resolved_ms: None while it is open.
        is_automatic: whether the server opened it.
        updates: the newest first.
    """

    id: int
    slug: str
    title: str
    impact: str
    state: str
    components: tuple[str, ...]
    started_ms: int
    resolved_ms: int | None
    is_automatic: bool
    updates: tuple[IncidentUpdate, ...] = ()


@dataclass(frozen=True, slots=True)
class ComponentDay:
    """How long a component was in which state on one local date, in seconds.

    Attributes:
        component: its id.
        day: the date, as 2026-11-30.
        up_s, degraded_s, down_s: known states outside of maintenance.
        maintenance_s: in planned maintenance; the rest of the day there is no data.
    """

    component: str
    day: str
    up_s: float
    degraded_s: float
    down_s: float
    maintenance_s: float


class StatusPageRecords(Protocol):
    """The status pages. What belongs to a page is deleted with it."""

    async def all(self) -> Sequence[StatusPageRow]:
        """Return all pages by slug."""

    async def add(self, row: StatusPageRow) -> None:
        """Store a new page.

        Raises:
            TakenError: another one has its slug.
            TooManyPagesError: there are too many.
        """

    async def change(self, row: StatusPageRow) -> None:
        """Store a page anew.

        Raises:
            NotFoundError: none has its slug.
        """

    async def remove(self, slug: str) -> None:
        """Delete a page.

        Raises:
            NotFoundError: none has this slug.
        """

    async def logo(self, slug: str) -> Logo | None:
        """Return the logo of a page, None if it has none."""

    async def set_logo(self, slug: str, logo: Logo | None) -> None:
        """Store the logo of a page, or delete it."""

    async def incidents(self, slug: str, since_ms: int) -> Sequence[Incident]:
        """Return the open incidents of a page and those that ended since, the newest first."""

    async def incident(self, slug: str, incident_id: int) -> Incident:
        """Return an incident.

        Raises:
            NotFoundError: the page has none with this id.
        """

    async def add_incident(self, incident: Incident, update: IncidentUpdate) -> int:
        """Store a new incident with its first update, and return its id.

        Raises:
            TooManyPagesError: the page has too many.
        """

    async def add_update(
        self, slug: str, incident_id: int, update: IncidentUpdate, resolved_ms: int | None
    ) -> None:
        """Store an update of an incident, whose state it becomes.

        Raises:
            NotFoundError: the page has none with this id.
        """

    async def remove_incident(self, slug: str, incident_id: int) -> None:
        """Delete an incident.

        Raises:
            NotFoundError: the page has none with this id.
        """

    async def days(self, slug: str, since_day: str) -> Sequence[ComponentDay]:
        """Return the stored days of a page's components from a date on."""

    async def put_days(self, slug: str, days: Sequence[ComponentDay]) -> None:
        """Store days; a stored day is replaced."""
