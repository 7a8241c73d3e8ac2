import subprocess
import sys

import numpy as np
from hypothesis import given
from hypothesis.extra import numpy as arrays

from model.distinct import distinct


@given(arrays.arrays(np.int64, arrays.array_shapes(max_dims=2, min_side=0)))
def test_distinct_values_ascend(values: "np.ndarray[tuple[int, ...], np.dtype[np.int64]]") -> None:
    assert distinct(values).tolist() == sorted(set(values.ravel().tolist()))


SCRAPES_AND_READS = """
import sys, tempfile
from pathlib import Path
from model.labels import Labels
from scraper.exposition.formats import ExpositionFormat
from storage.samples.store import SqliteSampleStore
from tests.scraper.exposition.follower import Follower
from tests.storage.samples.sample_builders import BASE_MS, change, named, series, small, whole

follower = Follower()
for value in b"12":
    follower.parser.parse(b"up 1\\nload %d\\n" % value, ExpositionFormat.TEXT)
with tempfile.TemporaryDirectory() as folder:
    store = SqliteSampleStore(Path(folder), small(), clock=lambda: 0)
    store.open()
    layout = store.layout(series("up", "load"))
    source = store.source(Labels.of(instance="a"))
    store.append(source, whole(layout, BASE_MS, 1, 2))
    store.append(source, change(layout, BASE_MS + 1, {1: 3.0}))
    assert store.select(named("up"), BASE_MS, BASE_MS)
    store.maintain(2 * BASE_MS)
    assert store.select(named("load"), BASE_MS, BASE_MS)
    store.close()
print("numpy.ma" in sys.modules)
"""
"""What a server does all the time, without anything else."""


def test_what_runs_all_the_time_does_not_import_masked_arrays() -> None:
    found = subprocess.run(
        [sys.executable, "-c", SCRAPES_AND_READS], capture_output=True, text=True, check=True
    )
    assert found.stdout == "False\n"
