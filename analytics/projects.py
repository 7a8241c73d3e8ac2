"""Projects by their key: what ingestion looks up for every request."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from secrets import token_hex
from typing import Final
from zoneinfo import ZoneInfo

from analytics.errors import ReportError
from analytics.statistics.calendar import Buckets, Interval, buckets, zone_of
from model.clock import Clock
from storage.api.projects import Project, ProjectRecords, ProjectSettings

_KEY_BYTES: Final = 6
"""12 digits, as apptracker's keys; a key is public and permits sending only."""


async def load_zone(name: str) -> ZoneInfo:
    """Return a time zone by its IANA name, without a file read on the event loop.

    Raises:
        ReportError: there is no such zone.
    """
    return await asyncio.to_thread(zone_of, name)


async def project_buckets(
    project: Project, start_ms: int, end_ms: int, interval: Interval, time_zone: str | None = None
) -> Buckets:
    """Return the buckets that cover a range, in the project's zone unless another is given.

    Raises:
        ReportError: the zone is unknown, or there are too many buckets.
    """
    settings = project.settings
    zone = await load_zone(time_zone or settings.time_zone)
    return buckets(start_ms, end_ms, interval, zone, settings.week_start)


class Projects:
    """All projects, kept in memory by key; no other process changes the records."""

    def __init__(self, records: ProjectRecords, clock: Clock) -> None:
        self.records = records
        self._clock = clock
        self._by_key: dict[str, Project] | None = None
        # Held, because `ZoneInfo` itself keeps the last eight zones only.
        self._zones: list[ZoneInfo] = []

    async def find(self, key: str) -> Project | None:
        """Return the project with this key, None if there is none."""
        if self._by_key is None:
            projects = await self.records.all()
            names = {one.settings.time_zone for one in projects}
            self._zones = await asyncio.to_thread(_load_zones, names)
            self._by_key = {project.key: project for project in projects}
        return self._by_key.get(key)

    async def create(self, settings: ProjectSettings, owner_id: int | None) -> Project:
        """Create a project with a new key; the owner becomes its first member.

        Raises:
            NotFoundError: no user has the id `owner_id`.
        """
        project = await self.records.add(token_hex(_KEY_BYTES), settings, owner_id, self._clock())
        self._by_key = None
        return project

    async def change(self, project: Project, settings: ProjectSettings) -> Project:
        """Replace the settings of a project.

        Raises:
            NotFoundError: it has been removed.
        """
        changed = await self.records.change(project.id, settings)
        self._by_key = None
        return changed

    async def remove(self, project: Project) -> None:
        """Delete a project with its members; its events are the caller's to delete."""
        await self.records.remove(project.id)
        self._by_key = None


def _load_zones(names: Iterable[str]) -> list[ZoneInfo]:
    """Read the files of time zones: as long as the zones are held, reports find them in memory."""
    zones: list[ZoneInfo] = []
    for name in names:
        # The time zone database has changed since: the reports name the zone.
        with suppress(ReportError):
            zones.append(zone_of(name))
    return zones
