"""Deletes what is older than a project keeps."""

import asyncio
from collections.abc import Sequence
from typing import Final, Protocol

import structlog

from model.clock import Clock
from storage.api.errors import StorageError
from storage.api.projects import Project, ProjectRecords

log = structlog.get_logger(__name__)

_DAY_MS: Final = 86_400_000
_ROUND_S: Final = 3600.0


class _Deleting(Protocol):
    async def delete_before(self, project: int, time_ms: int) -> int: ...

    async def compact(self) -> int: ...


class _DeletingRequests(Protocol):
    async def delete_requests_before(self, project: int, time_ms: int) -> int: ...


class _DeletingSessions(Protocol):
    async def delete_sessions_before(self, time_ms: int) -> int: ...


class ProjectExpiry:
    """Applies the `retention_days` of all projects, and of sessions, once an hour.

    Args:
        records: the projects.
        events, requests: the stores to delete from.
        clock: the clock of the server.
        sessions: the store of coding agents' sessions.
        session_days: how long sessions are kept; None for ever.
    """

    def __init__(
        self,
        records: ProjectRecords,
        events: _Deleting,
        requests: _DeletingRequests,
        clock: Clock,
        sessions: _DeletingSessions | None = None,
        session_days: int | None = None,
    ) -> None:
        self._records, self._clock = records, clock
        self._sessions, self._session_days = sessions, session_days
        self._events, self._requests = events, requests

    async def run(self) -> None:
        """Delete again and again until cancelled; the first time an hour after the start."""
        while True:
            await asyncio.sleep(_ROUND_S)
            await self.apply()

    async def apply(self) -> None:
        """Delete what has expired; a failure is logged, and the next round tries again."""
        deleted = 0
        for project in await self._limited():
            before_ms = self._clock() - project.settings.retention_days * _DAY_MS
            try:
                events = await self._events.delete_before(project.id, before_ms)
                requests = await self._requests.delete_requests_before(project.id, before_ms)
            except StorageError as exc:
                log.warning("project_expiry_failed", project=project.key, error=str(exc))
                continue
            if events or requests:
                log.info("project_expired", project=project.key, events=events, requests=requests)
            deleted += events + requests
        if deleted + await self._expire_sessions():
            await self._give_back_space()

    async def _expire_sessions(self) -> int:
        """Delete the sessions that have expired; return how many."""
        if self._sessions is None or self._session_days is None:
            return 0
        before_ms = self._clock() - self._session_days * _DAY_MS
        try:
            deleted = await self._sessions.delete_sessions_before(before_ms)
        except StorageError as exc:
            log.warning("session_expiry_failed", error=str(exc))
            return 0
        if deleted:
            log.info("sessions_expired", sessions=deleted)
        return deleted

    async def _give_back_space(self) -> None:
        try:
            freed_bytes = await self._events.compact()
        except StorageError as exc:
            log.warning("event_store_compaction_failed", error=str(exc))
            return
        if freed_bytes:
            log.info("event_store_compacted", freed_bytes=freed_bytes)

    async def _limited(self) -> Sequence[Project]:
        return [one for one in await self._records.all() if one.settings.retention_days]
