"""Stored dashboards: the newest version of each, and the versions before it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from storage.api.errors import RecordError


class TooManyDashboardsError(RecordError):
    """There are as many dashboards as the records take."""

    def __init__(self, most: int) -> None:
        super().__init__(f"there are {most} dashboards, the most that are stored; delete some")


@dataclass(frozen=True, slots=True)
class DashboardSummary:
    """A dashboard without its panels.

    Attributes:
        uid: its id in addresses.
        version: starts at 1; each change adds 1.
        tags: for filtering.
        panels: the number of its panels, without rows.
        author: the user who made the newest version.
        created_ms: when its first version was stored.
        changed_ms: when its newest version was stored.
    """

    uid: str
    version: int
    title: str
    tags: tuple[str, ...]
    panels: int
    author: str
    created_ms: int
    changed_ms: int


@dataclass(frozen=True, slots=True)
class StoredDashboard:
    """A dashboard: its summary and its definition as JSON."""

    summary: DashboardSummary
    definition: str


@dataclass(frozen=True, slots=True)
class DashboardContent:
    """The content that a change stores: the definition as JSON, and its fields in lists."""

    title: str
    tags: tuple[str, ...]
    panels: int
    definition: str


@dataclass(frozen=True, slots=True)
class DashboardVersion:
    """An entry of a dashboard's history; `message` is the author's note."""

    version: int
    title: str
    message: str
    author: str
    changed_ms: int


class DashboardRecords(Protocol):
    """The dashboards. Of each, a bounded number of versions is kept."""

    async def all(self) -> Sequence[DashboardSummary]:
        """Return all dashboards by title."""

    async def get(self, uid: str) -> StoredDashboard:
        """Return a dashboard.

        Raises:
            NotFoundError: none has this uid.
        """

    async def add(
        self, uid: str, content: DashboardContent, author: str, message: str, now_ms: int
    ) -> DashboardSummary:
        """Store a new dashboard.

        Raises:
            TakenError: another one has this uid.
            TooManyDashboardsError: there are too many.
        """

    async def change(
        self,
        uid: str,
        version: int,
        content: DashboardContent,
        author: str,
        message: str,
        now_ms: int,
    ) -> DashboardSummary:
        """Store a new version of a dashboard that is at `version`.

        Raises:
            NotFoundError: none has this uid.
            StaleVersionError: it is at another version.
        """

    async def remove(self, uid: str) -> None:
        """Delete a dashboard and its history.

        Raises:
            NotFoundError: none has this uid.
        """

    async def history(self, uid: str) -> Sequence[DashboardVersion]:
        """Return the kept versions of a dashboard, the newest first.

        Raises:
            NotFoundError: none has this uid.
        """

    async def version(self, uid: str, version: int) -> str:
        """Return the definition of a kept version.

        Raises:
            NotFoundError: there is no such dashboard or version.
        """
