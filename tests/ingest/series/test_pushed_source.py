import asyncio
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.errors import DisorderError
from ingest.series.pushed_source import PushedSource
from model.labels import METRIC_NAME, Labels
from model.matchers import Matcher
from model.series import is_absent
from storage.samples.store import SqliteSampleStore
from tests.scraper.recording_appender import STALE, RecordingAppender

DEVICE = Labels.of(device_id="d1")
START_MS = 1_700_000_000_000
EVERYTHING = [Matcher.of(METRIC_NAME, "=~", ".+")]


def named(*names: str) -> tuple[Labels, ...]:
    return tuple(Labels.of({METRIC_NAME: name}) for name in names)


@pytest.fixture
def appender() -> RecordingAppender:
    return RecordingAppender()


def test_missing_metric_has_no_sample(appender: RecordingAppender) -> None:
    source = PushedSource(appender, DEVICE)
    source.append(1, named("cpu", "ram"), (1.0, 2.0))
    source.append(2, named("cpu"), (3.0,))
    source.append(3, named("ram", "cpu"), (4.0, 5.0))
    assert appender.of("cpu", device_id="d1") == [(1, 1.0), (2, 3.0), (3, 5.0)]
    assert appender.of("ram", device_id="d1") == [(1, 2.0), (3, 4.0)]


def test_older_messages_are_kept(appender: RecordingAppender) -> None:
    source = PushedSource(appender, DEVICE)
    for time_ms in (100, 10, 20, 110, 30, 15):
        source.append(time_ms, named("cpu"), (float(time_ms),))
    assert sorted(appender.of("cpu", device_id="d1")) == [
        (time_ms, float(time_ms)) for time_ms in (10, 15, 20, 30, 100, 110)
    ]


def test_repeated_vector_is_dropped(appender: RecordingAppender) -> None:
    source = PushedSource(appender, DEVICE)
    for _ in range(100):
        source.append(5, named("cpu"), (1.0,))
    assert appender.of("cpu", device_id="d1") == [(5, 1.0)]


def test_disorder_is_bounded_and_ends_as_time_goes_on(appender: RecordingAppender) -> None:
    source = PushedSource(appender, DEVICE)
    for number in range(16):
        source.append(100, named("cpu"), (float(number),))
    with pytest.raises(DisorderError, match="timestamp: 16 times") as caught:
        source.append(100, named("cpu"), (99.0,))
    assert caught.value.field == "timestamp"
    source.append(101, named("cpu"), (1.0,))


def test_layout_stays_small_while_names_come_and_go(appender: RecordingAppender) -> None:
    source = PushedSource(appender, DEVICE)
    for number in range(1000):
        source.append(number + 1, named("cpu", f"job-{number}"), (1.0, 2.0))
    assert max(len(vector.layout.series) for _, vector in appender.vectors) < 100
    assert len(appender.of("cpu", device_id="d1")) == 1000
    assert appender.of("job-7", device_id="d1") == [(8, 2.0)]


def test_ended_series_can_begin_again(appender: RecordingAppender) -> None:
    source = PushedSource(appender, DEVICE)
    source.append(1, named("cpu"), (1.0,))
    source.end(2)
    source.end(3)
    source.append(4, named("cpu"), (1.0,))
    assert appender.of("cpu", device_id="d1") == [(1, 1.0), (2, STALE), (4, 1.0)]


async def test_vectors_from_before_a_restart_keep_their_place(tmp_path: Path) -> None:
    for times in ((100, 200), (150, 50, 300)):
        store = SqliteSampleStore(tmp_path, clock=lambda: START_MS)
        await asyncio.to_thread(store.open)
        source = PushedSource(store, DEVICE)
        for offset in times:
            source.append(START_MS + offset, named("cpu"), (float(offset),))
        await store.commit()
        await asyncio.to_thread(store.close)
    store = SqliteSampleStore(tmp_path, clock=lambda: START_MS)
    await asyncio.to_thread(store.open)
    found = await asyncio.to_thread(stored, store)
    await asyncio.to_thread(store.close)
    (samples,) = found.values()
    assert samples == [(START_MS + offset, float(offset)) for offset in (50, 100, 150, 200, 300)]


def stored(store: SqliteSampleStore) -> dict[Labels, list[tuple[int, float]]]:
    found: dict[Labels, list[tuple[int, float]]] = {}
    for part in store.select(EVERYTHING, 0, 2**53):
        absent = is_absent(part.values)
        for index, labels in enumerate(part.labels):
            assert labels not in found
            times = part.times_ms[part.rows[index]]
            found[labels] = [
                (int(times[at]), float(part.values[index, at]))
                for at in np.flatnonzero(~absent[index])
            ]
    return found


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 40), st.sets(st.sampled_from("abcdef"), min_size=1)),
        max_size=60,
    )
)
def test_every_accepted_message_is_stored(
    messages: list[tuple[int, set[str]]],
) -> None:
    expected: dict[str, dict[int, set[float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        store = SqliteSampleStore(Path(folder), clock=lambda: START_MS)
        store.open()
        try:
            source = PushedSource(store, DEVICE)
            for number, (offset, names) in enumerate(messages):
                ordered = sorted(names, reverse=bool(number % 2))
                values = [float(number)] * len(ordered)
                try:
                    source.append(START_MS + offset, named(*ordered), values)
                except DisorderError:
                    continue
                for name in names:
                    at = expected.setdefault(name, {}).setdefault(START_MS + offset, set())
                    at.add(float(number))
            found = stored(store)
        finally:
            store.close()
    assert {labels.metric for labels in found} == expected.keys()
    for labels, samples in found.items():
        wanted = expected[labels.metric]
        assert [time_ms for time_ms, _ in samples] == sorted(wanted)
        assert all(value in wanted[time_ms] for time_ms, value in samples)
