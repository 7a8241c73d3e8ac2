import asyncio
import threading
import zoneinfo._common
import zoneinfo._tzpath
from collections.abc import AsyncIterator
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest
import pytest_asyncio

import analytics.projects
from analytics.errors import ReportError
from analytics.projects import Projects, project_buckets
from analytics.statistics.calendar import Interval, zone_of
from storage.api.projects import Project, ProjectSettings
from storage.records.store import Records

NOW_MS = 1_764_000_000_000
DAY_MS = 86_400_000
SHOP = Project(1, "k", NOW_MS, ProjectSettings("Shop", "Europe/Berlin"))


@pytest_asyncio.fixture
async def records(tmp_path: Path) -> AsyncIterator[Records]:
    records = Records(tmp_path / "records.db")
    await asyncio.to_thread(records.open)
    yield records
    await asyncio.to_thread(records.close)


async def test_a_zone_of_a_question_is_read_beside_the_event_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    readers: list[threading.Thread] = []

    def recorded(name: str) -> ZoneInfo:
        readers.append(threading.current_thread())
        return zone_of(name)

    monkeypatch.setattr(analytics.projects, "zone_of", recorded)
    span = NOW_MS - DAY_MS, NOW_MS
    parts = await project_buckets(SHOP, *span, Interval.DAY, "Pacific/Chatham")
    assert len(parts.labels) == 2
    with pytest.raises(ReportError, match="no time zone"):
        await project_buckets(SHOP, *span, Interval.DAY, "Pacific/Nowhere")
    assert len(readers) == 2
    assert threading.main_thread() not in readers


async def test_zones_of_all_projects_stay_in_memory(
    records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(key: str) -> None:
        raise ZoneInfoNotFoundError(key)

    names: tuple[str, ...] = (
        "Africa/Lagos",
        "America/Lima",
        "America/Bogota",
        "Asia/Tokyo",
        "Asia/Kathmandu",
    )
    names += ("Asia/Dubai", "Asia/Seoul", "Europe/Paris", "Europe/Rome", "Pacific/Apia")
    for number, name in enumerate(names):
        settings = ProjectSettings(name, name)
        await records.projects.add(f"k{number}", settings, None, NOW_MS)
    projects = Projects(records.projects, lambda: NOW_MS)
    assert await projects.find("k0")
    # Neither in the time zone database any longer: what is not in memory cannot be found.
    monkeypatch.setattr(zoneinfo._common, "load_tzdata", missing)
    monkeypatch.setattr(zoneinfo._tzpath, "find_tzfile", lambda _: None)
    assert [zone_of(name).key for name in names] == list(names)
