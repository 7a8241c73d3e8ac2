"""What is older than a project keeps is deleted."""

from collections.abc import Sequence
from typing import Any, cast

from analytics.expiry import ProjectExpiry
from storage.api.errors import UnwritableError
from storage.api.projects import Project, ProjectRecords, ProjectSettings

DAY_MS = 86_400_000
NOW_MS = 100 * DAY_MS


class Records:
    async def all(self) -> Sequence[Project]:
        return [
            Project(number, f"key-{number}", 0, ProjectSettings("x", retention_days=days))
            for number, days in ((1, 0), (2, 30), (3, 90))
        ]


class Store:
    """Records deletions; fails for one project."""

    def __init__(self) -> None:
        self.events: list[tuple[int, int]] = []
        self.requests: list[tuple[int, int]] = []
        self.failing = 0
        self.compactions = 0

    async def compact(self) -> int:
        self.compactions += 1
        return 0

    async def delete_before(self, project: int, time_ms: int) -> int:
        if project == self.failing:
            raise UnwritableError("read-only")
        self.events.append((project, time_ms // DAY_MS))
        return 1

    async def delete_requests_before(self, project: int, time_ms: int) -> int:
        self.requests.append((project, time_ms // DAY_MS))
        return 1


def expiry(store: Any) -> ProjectExpiry:
    return ProjectExpiry(cast("ProjectRecords", Records()), store, store, lambda: NOW_MS)


async def test_projects_with_a_retention_lose_older_events_and_requests() -> None:
    store = Store()
    await expiry(store).apply()
    assert store.events == store.requests == [(2, 70), (3, 10)]
    assert store.compactions == 1


async def test_a_failure_leaves_the_other_projects_their_turn() -> None:
    store = Store()
    store.failing = 2
    await expiry(store).apply()
    assert store.events == [(3, 10)]
