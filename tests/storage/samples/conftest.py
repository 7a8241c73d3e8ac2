from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.samples.store import SqliteSampleStore
from tests.storage.samples.sample_builders import small


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteSampleStore]:
    store = SqliteSampleStore(tmp_path, small(), clock=lambda: 0)
    store.open()
    yield store
    store.close()
