import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from analytics.projects import Projects
from analytics.series.counters import EVENTS, ProjectCounters
from analytics.series.recorder import SeriesRecorder, last_values
from analytics.series.session_counters import COST, SessionCounters
from model.labels import Labels
from storage.api.projects import ProjectSettings
from storage.records.store import Records
from storage.samples.store import SqliteSampleStore

NOW_MS = 1_764_000_000_000
MINUTE_MS = 60_000


class Setting:
    """A sample store, and recorders over it as after each start of a server."""

    def __init__(self, store: SqliteSampleStore, records: Records) -> None:
        self.store, self.now_ms = store, NOW_MS
        self.sessions = SessionCounters()
        self.projects = Projects(records.projects, lambda: self.now_ms)

    def started(self) -> tuple[ProjectCounters, SeriesRecorder]:
        counters, self.sessions = ProjectCounters(), SessionCounters()
        known = ("redshank_events", "redshank_request")
        stored = last_values(self.store, self.now_ms)
        counters.restore({key: n for key, n in stored.items() if key.metric.startswith(known)})
        self.sessions.restore({key: n for key, n in stored.items() if key.metric == COST})
        recorder = SeriesRecorder(
            counters,
            self.sessions,
            self.projects,
            self.store,
            self.store,
            lambda: self.now_ms,
            lambda: 15.0,
        )
        return counters, recorder


@pytest.fixture
async def setting(tmp_path: Path) -> AsyncIterator[Setting]:
    store = SqliteSampleStore(tmp_path / "samples", clock=lambda: NOW_MS)
    await asyncio.to_thread(store.open)
    records = Records(tmp_path / "records.db")
    await asyncio.to_thread(records.open)
    yield Setting(store, records)
    await asyncio.to_thread(records.close)
    await asyncio.to_thread(store.close)


def counted(setting: Setting, project: str) -> float | None:
    labels = Labels.of({"__name__": EVENTS, "project": project, "name": "open"})
    return last_values(setting.store, setting.now_ms).get(labels)


async def test_a_counter_goes_on_after_a_restart(setting: Setting) -> None:
    counters, recorder = setting.started()
    counters.count_events("shop", ["open", "open"])
    recorder.append(setting.now_ms)
    setting.now_ms += 20 * 24 * 60 * MINUTE_MS
    counters, recorder = setting.started()
    counters.count_events("shop", ["open"])
    recorder.append(setting.now_ms)
    assert counted(setting, "shop") == 3


async def test_a_server_without_events_writes_nothing(setting: Setting) -> None:
    _, recorder = setting.started()
    recorder.append(setting.now_ms)
    assert setting.store.series([], 0, 2**53) == []


async def test_a_second_append_at_the_same_time_is_left_out(setting: Setting) -> None:
    counters, recorder = setting.started()
    counters.count_events("shop", ["open"])
    recorder.append(setting.now_ms)
    counters.count_events("shop", ["open"])
    recorder.append(setting.now_ms)
    assert counted(setting, "shop") == 1
    recorder.append(setting.now_ms + 1)
    setting.now_ms += 1
    assert counted(setting, "shop") == 2


async def test_the_series_of_a_deleted_project_end(setting: Setting) -> None:
    project = await setting.projects.create(ProjectSettings("Shop"), None)
    counters, recorder = setting.started()
    counters.count_events(project.key, ["open"])
    await recorder.record(setting.now_ms)
    assert counted(setting, project.key) == 1
    await setting.projects.remove(project)
    setting.now_ms += MINUTE_MS
    await recorder.record(setting.now_ms)
    assert counted(setting, project.key) is None
    counters, _ = setting.started()
    assert counters.projects == set()
