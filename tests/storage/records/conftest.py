"""The records of a new data directory, opened."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.records.alerts import SqliteAlerts
from storage.records.store import Records


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    records = Records(tmp_path / "records.db")
    records.open()
    yield records
    records.close()


@pytest.fixture
def alerts(records: Records) -> SqliteAlerts:
    return records.alerts
