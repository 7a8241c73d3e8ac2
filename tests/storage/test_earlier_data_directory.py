"""A data directory that an earlier commit wrote opens as it is.

`data_directory.py` wrote it, run in a checkout of the commit in the archive's name.
"""

import asyncio
import tarfile
from pathlib import Path

import pytest

from storage.api.alerts import AlertState
from storage.messages.log import SqliteMessageLog
from storage.records.store import Records
from storage.samples.tools.inspection import inspect
from storage.samples.tools.verification import Verified
from storage.verification import verify
from tests.storage.data_directory import (
    BASE_MS,
    MESSAGE,
    VECTORS,
    opened_store,
    write_samples,
)
from tests.storage.samples.naive_model import samples_of
from web.identity.keys import KeyRing

ARCHIVES = sorted(Path(__file__).parent.glob("data_directory_of_*.tar.gz"))


@pytest.fixture(params=ARCHIVES, ids=lambda path: path.name)
def data(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    with tarfile.open(request.param) as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path / "data"


def test_it_holds_what_the_test_is_about(data: Path) -> None:
    verified = Verified()
    assert list(verify(data, verified)) == []
    assert verified.journal_rows
    assert any(window.runs[-1] for window in inspect(data).windows)


def test_samples_and_start_times_are_those_that_were_written(data: Path, tmp_path: Path) -> None:
    write_samples(tmp_path / "now")
    earlier, now = opened_store(data), opened_store(tmp_path / "now")
    span = BASE_MS, 2 * BASE_MS
    found = samples_of(earlier.select([], *span))
    assert found == samples_of(now.select([], *span))
    assert max(map(len, found.values())) == VECTORS
    starts = [
        {
            labels: part.starts_ms[row].tolist()
            for part in store.select([], *span, starts=True)
            if part.starts_ms is not None
            for row, labels in enumerate(part.labels)
        }
        for store in (earlier, now)
    ]
    assert starts[0] == starts[1]
    assert any(map(any, starts[0].values()))
    assert earlier.stats().corrupt_items == 0
    earlier.close()
    now.close()


def test_records_are_those_that_were_written(data: Path) -> None:
    records = Records(data / "records.db")
    records.open()

    async def read() -> None:
        (host,) = await records.hosts.all()
        assert (host.name, host.labels.get("site"), host.interval_s) == ("web-1", "a", 15.0)
        (alert,) = await records.alerts.open_alerts()
        assert (alert.rule, alert.state, alert.value) == ("host/cpu", AlertState.FIRING, 97.0)
        (transition,) = await records.alerts.history(10)
        assert transition.before is AlertState.PENDING
        (notification,) = await records.alerts.waiting("mail", 10)
        assert notification.body == '{"alert":"HostCPU"}'
        (override,) = await records.alerts.overrides()
        assert override.warning == 80.0

    asyncio.run(read())
    assert records.damaged_rows == 0
    records.close()


def test_messages_and_keys_are_those_that_were_written(data: Path) -> None:
    log = SqliteMessageLog(data / "messages.db", 1000)
    log.open()
    assert log.knows("message-1")
    assert list(log.latest(10)) == [MESSAGE]
    assert (log.totals.messages, log.totals.reports) == (1, 1)
    log.close()
    before = (data / "keys.json").read_bytes()
    KeyRing.open(data / "keys.json", BASE_MS)
    assert (data / "keys.json").read_bytes() == before
