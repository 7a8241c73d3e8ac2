"""`records.db` while the disk refuses writes, and when it is damaged."""

import asyncio
import os
import shutil
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from model.conditions import DISK_SLOW, RECORDS_REBUILT, RECORDS_UNWRITABLE, Conditions
from storage import database as transactions
from storage.api.accounts import CredentialKind, Role
from storage.api.alerts import AlertChange, AlertState, CheckOverride, NewNotification
from storage.api.audit import AuditRetention, NewAuditEntry
from storage.api.errors import CorruptDataError, UnwritableError
from storage.api.hosts import NewHost
from storage.database import Readers, Writer
from storage.records import database
from storage.records.database import RecordsDatabase
from storage.records.store import Records
from tests.patience import PATIENCE_S
from tests.storage.records.alert_builders import new_alert

NOW_MS = 1_763_820_000_000
FOREVER_MS = NOW_MS + 10**12


@pytest.fixture(autouse=True)
def _quick_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is slow or stuck only where a test says so, whatever that of the machine is."""
    monkeypatch.setattr(transactions, "SLOW_COMMIT_S", 1e9)
    monkeypatch.setattr(database, "_PATIENCE_S", 1e9)
    monkeypatch.setattr(database, "STUCK_S", 1e9)


@asynccontextmanager
async def opened(path: Path, conditions: Conditions | None = None) -> AsyncIterator[Records]:
    records = Records(path, conditions)
    await asyncio.to_thread(records.open)
    try:
        yield records
    finally:
        await asyncio.to_thread(records.close)


@pytest.fixture
def conditions() -> Conditions:
    return Conditions(lambda: NOW_MS)


@pytest.fixture
async def records(tmp_path: Path, conditions: Conditions) -> AsyncIterator[Records]:
    async with opened(tmp_path / "records.db", conditions) as records:
        yield records


@asynccontextmanager
async def refused_writes(records: Records) -> AsyncIterator[None]:
    """Let SQLite refuse each write, as on a read-only disk; tests/system has full disks."""
    writer = records._database._writer

    async def query_only(value: str) -> None:
        pragma = f"pragma query_only = {value}"
        await asyncio.wrap_future(writer.call(lambda: writer.connection.execute(pragma)))

    await query_only("on")
    try:
        yield
    finally:
        await query_only("off")


def copied(folder: Path) -> Path:
    """Copy a database with its WAL to a folder of its own, and return the copy."""
    (folder / "again").mkdir()
    for file in folder.glob("records.db*"):
        shutil.copyfile(file, folder / "again" / file.name)
    return folder / "again" / "records.db"


def names(conditions: Conditions) -> list[str]:
    return [one.kind.name for one in conditions.active()]


async def tried_again(records: Records) -> None:
    inner = records._database
    await asyncio.wrap_future(inner._writer.call(inner._recover))


async def recovered(records: Records, conditions: Conditions) -> None:
    """Let the records write to the disk again, as their own thread does every second."""
    await tried_again(records)
    assert RECORDS_UNWRITABLE.name not in names(conditions)


async def fire(records: Records, instance: str, padding: str = "") -> int:
    change = AlertChange(
        replace(new_alert(instance), state=AlertState.FIRING, fired_ms=NOW_MS),
        AlertState.INACTIVE,
        (NewNotification("ops", f'"{instance}{padding}"'),),
    )
    (alert,) = await records.alerts.record((change,), NOW_MS)
    return alert.id


async def test_alerts_and_outbox_go_on_in_memory_and_are_on_disk_once_it_accepts_writes(
    tmp_path: Path, records: Records, conditions: Conditions
) -> None:
    first = await fire(records, "a:1")
    async with refused_writes(records):
        second = await fire(records, "b:1")
        assert names(conditions) == ["records_unwritable"]
        assert second == first + 1
        open_alerts = await records.alerts.open_alerts()
        assert [alert.id for alert in open_alerts] == [first, second]
        waiting = await records.alerts.waiting("ops", 10)
        assert [item.body for item in waiting] == ['"a:1"', '"b:1"']
        await records.alerts.delivered(waiting[0].id, NOW_MS)
        await records.alerts.failed(waiting[1].id, "refused", NOW_MS, NOW_MS + 5)
        resolved = replace(open_alerts[0], state=AlertState.RESOLVED, resolved_ms=NOW_MS)
        await records.alerts.record((AlertChange(resolved, AlertState.FIRING),), NOW_MS)
        third = await fire(records, "c:1")
    await recovered(records, conditions)
    seen = [
        await records.alerts.open_alerts(),
        await records.alerts.waiting(None, 10),
        await records.alerts.history(10),
        await records.alerts.notifications(10),
    ]
    assert [alert.id for alert in await records.alerts.open_alerts()] == [second, third]
    # A copy of the file shows what a server that is killed now would find.
    async with opened(await asyncio.to_thread(copied, tmp_path)) as again:
        assert seen == [
            await again.alerts.open_alerts(),
            await again.alerts.waiting(None, 10),
            await again.alerts.history(10),
            await again.alerts.notifications(10),
        ]


async def test_sessions_work_in_memory_and_what_must_last_is_refused(
    records: Records, conditions: Conditions
) -> None:
    user = await records.accounts.add_user("ann", Role.ADMIN, "hash", NOW_MS)
    retention = AuditRetention(1000, 1000, 0)
    async with refused_writes(records):
        await records.accounts.add_credential(
            user.id, CredentialKind.SESSION, "s", "browser", NOW_MS, FOREVER_MS
        )
        found = await records.accounts.credential("s", NOW_MS)
        assert found is not None
        await records.accounts.touch_credential(found[0].id, NOW_MS + 5)
        await records.audit.add(NewAuditEntry(NOW_MS, "ann", "::1", "login"), retention)
        with pytest.raises(UnwritableError, match=r"records\.db"):
            await records.accounts.add_credential(
                user.id, CredentialKind.BEARER, "t", "script", NOW_MS, FOREVER_MS
            )
        with pytest.raises(UnwritableError):
            await records.hosts.add(NewHost("web", "http://a:1"), NOW_MS)
        with pytest.raises(UnwritableError):
            await records.alerts.set_override(CheckOverride("a:1", "cpu", warning=5))
        assert await records.hosts.all() == []
    # The next write that must last finds the disk well again, and writes everything down.
    await records.hosts.add(NewHost("web", "http://a:1"), NOW_MS)
    assert names(conditions) == []
    assert await records.accounts.credential("s", NOW_MS)
    assert await records.accounts.credential("t", NOW_MS) is None


async def test_revoked_session_stays_revoked_after_recovery(
    records: Records, conditions: Conditions
) -> None:
    user = await records.accounts.add_user("ann", Role.ADMIN, "hash", NOW_MS)
    await records.accounts.add_credential(
        user.id, CredentialKind.SESSION, "s", "browser", NOW_MS, FOREVER_MS
    )
    async with refused_writes(records):
        await records.accounts.revoke_credential("s")
        assert await records.accounts.credential("s", NOW_MS) is None
    await recovered(records, conditions)
    assert await records.accounts.credential("s", NOW_MS) is None


async def test_copy_in_memory_keeps_open_alerts_and_forgets_old_history(
    records: Records, conditions: Conditions
) -> None:
    open_id = await fire(records, "open:1")
    for batch in range(12):
        changes = [
            AlertChange(
                replace(new_alert(f"{batch}-{at}"), state=AlertState.RESOLVED),
                AlertState.INACTIVE,
            )
            for at in range(250)
        ]
        await records.alerts.record(changes, NOW_MS)
    copy = records._database._memory
    in_memory = await asyncio.wrap_future(
        records._database._writer.call(
            lambda: copy.connection.execute("select count(*) from alerts").fetchone()[0]
        )
    )
    assert in_memory < 2_000
    async with refused_writes(records):
        await fire(records, "b:1")
        assert (await records.alerts.open_alerts())[0].id == open_id
    await recovered(records, conditions)
    assert len(await records.alerts.resolved(5_000)) == 3_000


async def test_with_a_slow_disk_alerts_do_not_wait_for_the_sync(
    records: Records, conditions: Conditions
) -> None:
    async def synchronous() -> int:
        work = records._database._writer.submit(
            lambda connection: connection.execute("pragma synchronous").fetchone()[0]
        )
        level: int = await asyncio.wrap_future(work)
        return level

    await fire(records, "a:1")
    assert await synchronous() == 2
    conditions.set(DISK_SLOW)
    await fire(records, "b:1")
    assert await synchronous() == 1
    await records.hosts.add(NewHost("web", "http://a:1"), NOW_MS)
    assert await synchronous() == 2


def damage(path: Path, table: str) -> None:
    """Overwrite one page of a table: the middle one of its leaves."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("pragma wal_checkpoint(truncate)")
        (size,) = connection.execute("pragma page_size").fetchone()
        try:
            pages = connection.execute(
                "select pageno from dbstat where name = ? and pagetype = 'leaf'", (table,)
            ).fetchall()
        except sqlite3.OperationalError:
            pytest.skip("this SQLite has no dbstat, which finds the pages of a table")
    with path.open("r+b") as file:
        file.seek((pages[len(pages) // 2][0] - 1) * size)
        file.write(b"\xa5" * size)


async def filled(path: Path) -> None:
    async with opened(path) as records:
        await records.accounts.add_user("ann", Role.ADMIN, "hash", NOW_MS)
        await records.hosts.add(NewHost("web", "http://a:1"), NOW_MS)
        for at in range(100):
            await fire(records, f"{at}:1", "x" * 200)


@pytest.mark.fault("records_rebuilt")
async def test_damaged_history_is_rebuilt_at_the_start_from_the_readable_rows(
    tmp_path: Path, conditions: Conditions
) -> None:
    path = tmp_path / "records.db"
    await filled(path)
    await asyncio.to_thread(damage, path, "notifications")
    async with opened(path, conditions) as records:
        assert [user.name for user in await records.accounts.users()] == ["ann"]
        assert [host.name for host in await records.hosts.all()] == ["web"]
        assert len(await records.alerts.open_alerts()) == 100
        assert 0 < len(await records.alerts.notifications(1000)) < 100
        assert await fire(records, "new:1") == 101
        (rebuilt,) = conditions.active()
        assert rebuilt.kind is RECORDS_REBUILT
        assert "records.db.damaged-1" in rebuilt.reason
    files = await asyncio.to_thread(lambda: {file.name for file in tmp_path.iterdir()})
    assert "records.db.damaged-1" in files
    assert "records.db.rebuilt" not in files
    after = Conditions(lambda: 0)
    async with opened(path, after) as records:
        assert len(await records.alerts.open_alerts()) == 101
    assert after.active() == ()


async def test_damaged_users_are_no_reason_to_start_without_them(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    await filled(path)
    await asyncio.to_thread(damage, path, "users")
    before = await asyncio.to_thread(path.read_bytes)
    records = Records(path)
    with pytest.raises(CorruptDataError, match="restore a backup"):
        await asyncio.to_thread(records.open)
    await asyncio.to_thread(records.close)
    assert await asyncio.to_thread(path.read_bytes) == before


@pytest.mark.fault("records_rebuilt")
async def test_file_that_is_truncated_while_running_is_rebuilt_from_memory(
    tmp_path: Path, conditions: Conditions
) -> None:
    path = tmp_path / "records.db"
    await filled(path)
    async with opened(path, conditions) as records:
        os.truncate(path, 2 * 4096)
        records._database._reads.release()
        # Reads notice the damage, and are answered from memory.
        assert len(await records.alerts.open_alerts()) == 100
        assert [user.name for user in await records.accounts.users()] == ["ann"]
        await tried_again(records)
        assert names(conditions) == ["records_rebuilt"]
        assert await fire(records, "new:1") == 101
        await records.hosts.add(NewHost("db", "http://b:1"), NOW_MS)
    async with opened(path) as records:
        assert len(await records.alerts.open_alerts()) == 101
        assert [host.name for host in await records.hosts.all()] == ["db", "web"]


async def test_error_of_a_statement_is_no_fault_of_the_disk(
    tmp_path: Path, conditions: Conditions
) -> None:
    database = RecordsDatabase(tmp_path / "records.db", conditions)
    await asyncio.to_thread(database.open, [])
    try:
        with pytest.raises(Exception, match="no such table"):
            await database.keep(lambda it: it.execute("delete from missing"))
        assert conditions.active() == ()
    finally:
        await asyncio.to_thread(database.close)


class StuckConnection:
    """A connection whose commits, or first statements, wait until a test lets them go on."""

    def __init__(self, connection: sqlite3.Connection, statement: str) -> None:
        self._connection, self._statement = connection, statement
        self.reached, self.go_on = threading.Event(), threading.Event()
        self.error: Exception | None = None

    def __getattr__(self, name: str) -> object:
        return getattr(self._connection, name)

    def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
        if sql == self._statement:
            self.reached.set()
            self.go_on.wait(PATIENCE_S)
            if self.error is not None:
                raise self.error
        return self._connection.execute(sql, *parameters)


@asynccontextmanager
async def stuck_disk(
    records: Records,
    monkeypatch: pytest.MonkeyPatch,
    statement: str = "commit",
    stuck_s: float = 9.0,
) -> AsyncIterator[StuckConnection]:
    """Let one kind of statement not return until the end; the time until that is noticed is 0.

    Args:
        records: the records whose disk is stuck.
        monkeypatch: undone after the test.
        statement: the statement that does not return.
        stuck_s: for how long it has not returned.
    """
    monkeypatch.setattr(database, "_PATIENCE_S", 0.0)
    monkeypatch.setattr(database, "STUCK_S", 5.0)
    writer = records._database._writer
    connection = writer.connection
    stuck = StuckConnection(connection, statement)
    writer._connection = cast("sqlite3.Connection", stuck)
    # A write that is on its way is not stuck.
    monkeypatch.setattr(
        Writer,
        "writing_s",
        property(
            lambda self: stuck_s if stuck.reached.is_set() and not stuck.go_on.is_set() else -1.0
        ),
    )
    try:
        yield stuck
    finally:
        writer._connection = connection
        stuck.go_on.set()


async def reached(stuck: StuckConnection) -> None:
    assert await asyncio.to_thread(stuck.reached.wait, PATIENCE_S)


@pytest.mark.parametrize("statement", ["commit", "begin immediate"])
@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.fault("records_unwritable")
async def test_alerts_go_on_in_memory_while_a_write_does_not_return(
    tmp_path: Path,
    records: Records,
    conditions: Conditions,
    monkeypatch: pytest.MonkeyPatch,
    statement: str,
    fails: bool,
) -> None:
    first = await fire(records, "a:1")
    async with stuck_disk(records, monkeypatch, statement) as stuck:
        # The stuck write itself, one behind it, and one that comes later.
        waiting = [asyncio.ensure_future(fire(records, name)) for name in ("b:1", "c:1")]
        await reached(stuck)
        if statement == "commit":
            assert await asyncio.wait_for(waiting[0], PATIENCE_S) == first + 1
        later = await asyncio.wait_for(fire(records, "d:1"), PATIENCE_S)
        assert names(conditions) == ["records_unwritable"]
        assert "has not returned" in conditions.active()[0].reason
        items = await records.alerts.waiting("ops", 10)
        seen = [item.body for item in items]
        assert {'"a:1"', '"c:1"', '"d:1"'} <= set(seen)
        await records.alerts.delivered(items[0].id, NOW_MS)
        with pytest.raises(UnwritableError, match="has not returned"):
            await asyncio.wait_for(
                records.hosts.add(NewHost("web", "http://a:1"), NOW_MS), PATIENCE_S
            )
        if fails:
            stuck.error = sqlite3.OperationalError("disk I/O error")
            stuck.error.sqlite_errorcode = sqlite3.SQLITE_IOERR
    ids = await asyncio.wait_for(asyncio.gather(*waiting), PATIENCE_S)
    await recovered(records, conditions)
    assert len({first, *ids, later}) == 4
    bodies = sorted(item.body for item in await records.alerts.waiting("ops", 10))
    assert len(bodies) == 3
    async with opened(await asyncio.to_thread(copied, tmp_path)) as again:
        assert await again.alerts.open_alerts() == await records.alerts.open_alerts()
        assert len(await again.alerts.open_alerts()) == 4
        assert sorted(item.body for item in await again.alerts.waiting("ops", 10)) == bodies
        assert await again.hosts.all() == []


async def test_host_whose_commit_does_not_return_is_stored_once_it_does(
    tmp_path: Path, records: Records, conditions: Conditions, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stuck_disk(records, monkeypatch) as stuck:
        adding = asyncio.ensure_future(records.hosts.add(NewHost("web", "http://a:1"), NOW_MS))
        await reached(stuck)
        await asyncio.wait_for(fire(records, "a:1"), PATIENCE_S)
        assert not adding.done()
    added = await asyncio.wait_for(adding, PATIENCE_S)
    await recovered(records, conditions)
    async with opened(await asyncio.to_thread(copied, tmp_path)) as again:
        assert [host.id for host in await again.hosts.all()] == [added.id]
        assert len(await again.alerts.open_alerts()) == 1


@pytest.mark.parametrize("statement", ["commit", "begin immediate"])
@pytest.mark.fault("disk_slow")
async def test_alerts_go_on_in_memory_behind_a_slow_write_and_nothing_is_refused(
    tmp_path: Path,
    records: Records,
    conditions: Conditions,
    monkeypatch: pytest.MonkeyPatch,
    statement: str,
) -> None:
    async with stuck_disk(records, monkeypatch, statement, stuck_s=2.0) as slow:
        adding = asyncio.ensure_future(records.hosts.add(NewHost("web", "http://a:1"), NOW_MS))
        await reached(slow)
        behind = asyncio.ensure_future(records.hosts.add(NewHost("db", "http://b:1"), NOW_MS))
        for name in ("a:1", "b:1"):
            await asyncio.wait_for(fire(records, name), PATIENCE_S)
        assert len(await records.alerts.open_alerts()) == 2
        assert names(conditions) == []
        assert not adding.done()
        assert not behind.done()
    added = await asyncio.wait_for(asyncio.gather(adding, behind), PATIENCE_S)
    await recovered(records, conditions)
    async with opened(await asyncio.to_thread(copied, tmp_path)) as again:
        assert {host.id for host in await again.hosts.all()} == {one.id for one in added}
        assert len(await again.alerts.open_alerts()) == 2


async def test_read_that_does_not_return_is_answered_from_memory(
    records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fire(records, "a:1")
    go_on = threading.Event()

    def stuck(_: object, work: object) -> object:
        go_on.wait(PATIENCE_S)
        return work

    monkeypatch.setattr(Readers, "read", stuck)
    try:
        reading = asyncio.ensure_future(records.alerts.waiting("ops", 10))
        async with stuck_disk(records, monkeypatch) as disk:
            writing = asyncio.ensure_future(fire(records, "b:1"))
            await reached(disk)
            await asyncio.wait_for(writing, PATIENCE_S)
            found = await asyncio.wait_for(reading, PATIENCE_S)
            assert [item.body for item in found] == ['"a:1"', '"b:1"']
    finally:
        go_on.set()


async def test_alerts_are_written_before_other_writes_that_wait(records: Records) -> None:
    stored, disk, written = records._database, threading.Event(), list[str]()
    running = asyncio.create_task(stored.write(lambda _: disk.wait(PATIENCE_S)))
    await asyncio.sleep(0)
    waiting = [
        asyncio.create_task(stored.write(lambda _: written.append("host"))),
        asyncio.create_task(stored.keep(lambda _: written.append("alert"))),
        asyncio.create_task(stored.write(lambda _: written.append("user"))),
    ]
    await asyncio.sleep(0)
    disk.set()
    await asyncio.gather(running, *waiting)
    assert written == ["alert", "host", "user"]
