"""Fills an empty data directory with the made-up week."""

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from analytics.projects import Projects
from analytics.series.counters import ProjectCounters
from analytics.series.recorder import JOB
from daemon.data_directory import DataDirectory
from daemon.demo.hosts import HOSTS, STEP_MS, HostSeries
from daemon.demo.shop import shop_customers, shop_events, shop_requests
from daemon.demo.story import Story
from daemon.errors import DataDirectoryError
from daemon.store_access import exclusive_store, opened_records
from model.labels import METRIC_NAME, Labels
from storage.api.hosts import NewHost
from storage.api.marks.annotations import NewAnnotation
from storage.api.new_events import NewEvents
from storage.api.projects import Project, ProjectSettings
from storage.api.reports.schema_notes import NoteKind, SchemaNoteChange
from storage.api.requests import NewRequest
from storage.events import DuckEventStore
from storage.samples.tools.backfilling.backfill import Backfill

PROJECT_NAME: Final = "Demo shop"
_MARK: Final = "demo.json"
_BATCH: Final = 20_000
_COUNTER_STEP_MS: Final = 240_000
_NOTES: Final = (
    SchemaNoteChange(NoteKind.EVENT, "checkout_start", "The visitor gives a name and an address"),
    SchemaNoteChange(NoteKind.EVENT, "purchase", "A payment has arrived"),
    SchemaNoteChange(NoteKind.PROPERTY, "revenue", "What the customer paid, in euros"),
)

Progress = Callable[[float, str], None]
"""Called with the share that is done, and what comes next."""


@dataclass(frozen=True, slots=True)
class DemoWeek:
    """The made-up week in a directory.

    Attributes:
        story: what happens.
        ports: where each host's exporter listens on 127.0.0.1.
    """

    story: Story
    ports: Sequence[int]


def week_of(directory: DataDirectory) -> DemoWeek | None:
    """Return what a directory was filled with, None for an unused one.

    Raises:
        DataDirectoryError: the directory is in use for something else.
    """
    mark = directory.path / _MARK
    if mark.is_file():
        found = json.loads(mark.read_text())
        return DemoWeek(Story(found["end_ms"], found["seed"]), found["ports"])
    if directory.is_used:
        raise DataDirectoryError(
            f"{directory.path} has data of a server, or of a demo that was interrupted;"
            " name an empty directory with --data-dir"
        )
    return None


def fill(directory: DataDirectory, week: DemoWeek, progress: Progress) -> None:
    """Write the week into an unused directory, which exists.

    Raises:
        DaemonError, StorageError: the directory cannot be used.
    """
    story, ports = week.story, week.ports
    events, requests = shop_events(story), shop_requests(story)
    progress(0.1, "hosts and project")
    project = asyncio.run(_records(directory.records, story, ports))
    progress(0.15, f"{len(events):,} events and {len(requests):,} requests")
    asyncio.run(_events(directory.events, project, story, events, requests))
    progress(0.35, "samples")
    with exclusive_store(None, directory) as store:
        backfill = store.backfill(story.end_ms)
        for number, host in enumerate(HOSTS):
            _add_host(backfill, story, number)
            progress(0.35 + 0.08 * (number + 1), f"samples of {host.name}")
        _add_counters(backfill, story, project.key, events, requests)
        progress(0.85, "chunks")
        backfill.finish()
    # Last: a directory without it is not complete.
    mark = {"end_ms": story.end_ms, "seed": story.seed, "ports": list(ports)}
    (directory.path / _MARK).write_text(json.dumps(mark))
    progress(1.0, "done")


async def _records(path: Path, story: Story, ports: Sequence[int]) -> Project:
    async with opened_records(path) as records:
        for host, port in zip(HOSTS, ports, strict=True):
            url = f"http://127.0.0.1:{port}/metrics"
            labels = Labels.of(instance=host.name)
            await records.hosts.add(NewHost(host.name, url, labels), story.start_ms)
        projects = Projects(records.projects, lambda: story.start_ms)
        project = await projects.create(ProjectSettings(PROJECT_NAME), None)
        for annotation in _annotations(story):
            await records.annotations.add(annotation, annotation.end_ms)
        await records.schema_notes.change(project.id, _NOTES, "", story.start_ms)
        return project


def _annotations(story: Story) -> Iterator[NewAnnotation]:
    """Yield the marks of the made-up week: a release, and an incident."""
    deploy_ms, (start_ms, end_ms) = story.deploy_ms, story.incident_ms
    release, slow = "Release 2.4.0 of the shop", "The database is slow, orders fail"
    yield NewAnnotation(deploy_ms, deploy_ms, release, ("deploy",))
    yield NewAnnotation(start_ms, end_ms, slow, ("incident",))


async def _events(
    path: Path, project: Project, story: Story, events: NewEvents, requests: Sequence[NewRequest]
) -> None:
    store = DuckEventStore(path)
    try:
        for at in range(0, len(events), _BATCH):
            part = slice(at, at + _BATCH)
            batch = NewEvents(
                events.event_ids[part],
                events.names[part],
                events.times_ms[part],
                events.distinct_ids[part],
                events.properties[part],
            )
            await store.append(project.id, batch, story.end_ms)
        await store.identify(project.id, shop_customers(events))
        for at in range(0, len(requests), _BATCH):
            await store.requests.append_requests(project.id, requests[at : at + _BATCH])
    finally:
        await asyncio.to_thread(store.close)


def _add_host(backfill: Backfill, story: Story, number: int) -> None:
    host = HOSTS[number]
    series = HostSeries(story, host)
    times_ms = series.grid(story.end_ms - STEP_MS)
    names, values = series.at(times_ms)
    target = Labels.of(job="node", instance=host.name)
    up = Labels.of({METRIC_NAME: "up"})
    for labels, row in zip((up, *names), (np.ones(len(times_ms)), *values), strict=True):
        column = backfill.series(labels.overlaid(target))
        backfill.add(np.full(len(row), column, np.uint32), times_ms, row)


def _add_counters(
    backfill: Backfill,
    story: Story,
    project: str,
    events: NewEvents,
    requests: Sequence[NewRequest],
) -> None:
    """Add the series of the project, counted as a server counts them."""
    counters = ProjectCounters()
    source = Labels.of(job=JOB)
    columns: dict[Labels, int] = {}
    event_times = events.times_ms
    request_times = np.array([request.time_ms for request in requests])
    done_events = done_requests = 0
    for time_ms in range(story.start_ms, story.end_ms, _COUNTER_STEP_MS):
        until = int(np.searchsorted(event_times, time_ms))
        counters.count_events(project, events.names[done_events:until])
        done_events = until
        until = int(np.searchsorted(request_times, time_ms))
        counters.count_requests(project, requests[done_requests:until])
        done_requests = until
        series = counters.series()
        for labels in series.keys() - columns.keys():
            columns[labels] = backfill.series(labels.overlaid(source))
        backfill.add(
            np.array([columns[labels] for labels in series], np.uint32),
            np.full(len(series), time_ms),
            np.array(list(series.values())),
        )
