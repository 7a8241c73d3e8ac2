"""Tests of start times through the recorder."""

import numpy as np
import pytest

from model.labels import Labels
from scraper.exposition.families import FamilyInterner
from scraper.exposition.formats import ExpositionFormat
from scraper.fetching.targets import ScrapeTarget
from scraper.recording.recorder import SYNTHETIC, Recorder
from storage.api.errors import StorageError
from tests.scraper.recording_appender import RecordingAppender

NOW_MS = 1_700_000_000_000
LABELS = Labels.of(job="app", instance="a:80")

BODY = """\
# TYPE jobs counter
jobs_total{kind="a"} 5
jobs_created{kind="a"} 1605281325.123
jobs_total{kind="b"} 6
jobs_created{kind="b"} 1605281326
jobs_total{kind="c"} 7
# TYPE wait histogram
wait_bucket{le="1.0"} 2
wait_bucket{le="+Inf"} 3
wait_count 3
wait_sum 9.5
wait_created 1605281000.5
# TYPE size summary
size{quantile="0.5"} 2
size_count 3
size_sum 9.5
size_created 1605282000
# TYPE free gauge
free 3
# TYPE free_created gauge
free_created 1
# EOF
"""


class StartTimeScrapes:
    """Scrapes one target once a millisecond and collects the appended start times."""

    def __init__(self, *, start_times: bool = True) -> None:
        self.store = RecordingAppender()
        target = ScrapeTarget("http://a/metrics", LABELS, 15.0, 10.0, start_times=start_times)
        self.recorder = Recorder(self.store, target, FamilyInterner())
        self.at = 0
        self.known: dict[str, int] = {}
        self.appended = 0

    def good(
        self, body: str, exposition_format: ExpositionFormat = ExpositionFormat.OPENMETRICS
    ) -> None:
        self.at += 1
        delta = self.recorder.read(body.encode(), exposition_format)
        self.recorder.record(delta, NOW_MS + self.at, 0.25)
        vector = self.store.vectors[-1][1]
        if vector.starts is None:
            return
        self.appended += 1
        columns = vector.starts.columns
        assert vector.starts.times_ms.dtype == np.int64
        if columns is None:
            assert len(vector.starts.times_ms) == len(vector.layout.series)
        places = range(len(vector.layout.series)) if columns is None else columns.tolist()
        for column, start in zip(places, vector.starts.times_ms.tolist(), strict=True):
            self.known[str(vector.layout.series[column])] = start

    @property
    def starts(self) -> dict[str, int]:
        return {series: start for series, start in self.known.items() if start}


EXPECTED = {
    'jobs_total{kind="a"}': 1605281325123,
    'jobs_total{kind="b"}': 1605281326000,
    'wait_bucket{le="1.0"}': 1605281000500,
    'wait_bucket{le="+Inf"}': 1605281000500,
    "wait_count": 1605281000500,
    "wait_sum": 1605281000500,
    'size{quantile="0.5"}': 1605282000000,
    "size_count": 1605282000000,
    "size_sum": 1605282000000,
}


def test_created_series_give_start_times() -> None:
    scrapes = StartTimeScrapes()
    scrapes.good(BODY)
    assert scrapes.starts == EXPECTED
    assert scrapes.store.of("jobs_created", kind="a") == [(NOW_MS + 1, 1605281325.123)]


def test_start_times_are_off_by_default() -> None:
    scrapes = StartTimeScrapes(start_times=False)
    scrapes.good(BODY)
    assert scrapes.appended == 0


def test_start_times_are_appended_when_they_change() -> None:
    scrapes = StartTimeScrapes()
    scrapes.good(BODY)
    scrapes.good(BODY.replace("wait_count 3", "wait_count 4"))
    # A new line causes a full parse, which changes no start time.
    scrapes.good(BODY.replace("# TYPE free gauge", "# TYPE free gauge\nmore 1"))
    assert scrapes.appended == 1
    restarted = BODY.replace("wait_created 1605281000.5", "wait_created 1605290000")
    scrapes.good(BODY)
    scrapes.good(restarted)
    assert scrapes.appended == 2
    assert scrapes.starts["wait_sum"] == 1605290000000
    assert scrapes.starts["size_sum"] == 1605282000000


def test_start_time_becomes_unknown_when_the_created_series_vanishes() -> None:
    scrapes = StartTimeScrapes()
    scrapes.good(BODY)
    scrapes.good(BODY.replace("wait_created 1605281000.5\n", ""))
    assert "wait_sum" not in scrapes.starts
    assert "size_sum" in scrapes.starts


def test_refused_start_times_are_appended_again() -> None:
    scrapes = StartTimeScrapes()
    scrapes.store.failing = StorageError("full")
    with pytest.raises(StorageError):
        scrapes.good(BODY)
    scrapes.store.failing = None
    scrapes.good(BODY)
    assert scrapes.starts == EXPECTED


def test_start_times_work_in_the_text_format() -> None:
    scrapes = StartTimeScrapes()
    body = "# TYPE jobs_total counter\njobs_total 5\n# TYPE jobs_created gauge\njobs_created 9.5\n"
    scrapes.good(body, ExpositionFormat.TEXT)
    assert scrapes.starts == {"jobs_total": 9500}


def test_invalid_values_are_no_start_times() -> None:
    scrapes = StartTimeScrapes()
    scrapes.good("# TYPE a counter\na_total 1\na_created NaN\n# EOF\n")
    scrapes.good("# TYPE a counter\na_total 1\na_created 1e300\n# EOF\n")
    scrapes.good("# TYPE a counter\na_total 1\na_created -Inf\n# EOF\n")
    assert scrapes.starts == {}


def test_new_layout_gets_all_start_times() -> None:
    scrapes = StartTimeScrapes()
    many = "".join(f"g{number} 1\n" for number in range(40))
    scrapes.good(BODY.replace("# TYPE free gauge", many + "# TYPE free gauge"))
    scrapes.good(BODY)
    scrapes.known.clear()
    scrapes.good(BODY)
    scrapes.good(BODY)
    assert scrapes.starts == EXPECTED
    layout = scrapes.store.vectors[-1][1].layout
    assert len(layout.series) < 40 + len(SYNTHETIC)
