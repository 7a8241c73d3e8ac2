from collections.abc import Iterator
from pathlib import Path

import pytest
from sample_builders import small

from storage.samples.store import SqliteSampleStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteSampleStore]:
    store = SqliteSampleStore(tmp_path, small(), clock=lambda: 0)
    store.open()
    yield store
    store.close()
