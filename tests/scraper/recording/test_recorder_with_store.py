"""The real store returns the same samples from the recorder as the test double."""

import tempfile
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from model.labels import Labels
from model.matchers import Matcher
from model.series import is_absent, is_stale
from scraper.errors import ScrapeError
from scraper.exposition.families import FamilyInterner
from scraper.exposition.formats import ExpositionFormat
from scraper.fetching.targets import ScrapeTarget
from scraper.recording.recorder import Recorder
from storage.samples.settings import StoreSettings
from storage.samples.store import SqliteSampleStore
from tests.scraper.exposition.test_difference import histories
from tests.scraper.recording_appender import STALE, RecordingAppender

START_MS = 3_600_000
EVERYTHING = [Matcher.of("__name__", "=~", ".+")]
Samples = dict[Labels, list[tuple[int, float | str]]]


def scrape(recorder: Recorder, history: list[tuple[bytes, ExpositionFormat]]) -> None:
    for step, (body, exposition_format) in enumerate(history):
        try:
            delta = recorder.read(body, exposition_format)
        except ScrapeError:
            recorder.record_failure(START_MS + step, 0.5)
        else:
            recorder.record(delta, START_MS + step, 0.25)


def stored(store: SqliteSampleStore) -> Samples:
    found: Samples = {}
    for part in store.select(EVERYTHING, -(2**53), 2**53):
        absent, stale = is_absent(part.values), is_stale(part.values)
        for index, labels in enumerate(part.labels):
            times = part.times_ms[part.rows[index]]
            found[labels] = [
                (int(times[at]), STALE if stale[index, at] else float(part.values[index, at]))
                for at in np.flatnonzero(~absent[index])
            ]
    return found


def comparable(samples: Samples) -> dict[Labels, list[tuple[int, str]]]:
    """Return the samples sorted by time, values as text so that NaN equals NaN."""
    return {
        labels: [(time_ms, str(value)) for time_ms, value in sorted(kept, key=lambda one: one[0])]
        for labels, kept in samples.items()
        if kept
    }


@settings(max_examples=60, deadline=None)
@given(histories(), st.booleans())
def test_any_sequence_of_scrapes_reads_back(
    history: list[tuple[bytes, ExpositionFormat]], honor: bool
) -> None:
    target = ScrapeTarget(
        "http://a:1/metrics",
        Labels.of(job="j", instance="a:1", x="2"),
        15.0,
        10.0,
        honor_labels=honor,
    )
    double = RecordingAppender()
    scrape(Recorder(double, target, FamilyInterner()), history)
    with tempfile.TemporaryDirectory() as directory:
        store = SqliteSampleStore(Path(directory), StoreSettings(), clock=lambda: START_MS)
        store.open()
        try:
            scrape(Recorder(store, target, FamilyInterner()), history)
            assert comparable(stored(store)) == comparable(double.samples)
        finally:
            store.close()
