from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.api.audit import LOGIN_FAILED, AuditRetention, NewAuditEntry
from storage.records.audit import SqliteAudit
from storage.records.store import Records

NOW_MS = 1_700_000_000_000
ALL = AuditRetention(entries=1000, failed_logins=1000, age_ms=86_400_000)


@pytest.fixture
def audit(tmp_path: Path) -> Iterator[SqliteAudit]:
    records = Records(tmp_path / "records.db")
    records.open()
    yield records.audit
    records.close()


def entry(subject: str, time_ms: int = NOW_MS, action: str = "user.add") -> NewAuditEntry:
    return NewAuditEntry(time_ms, "ada", "10.0.0.7", action, subject, {"role": "viewer"})


async def subjects(audit: SqliteAudit, limit: int = 100, before_id: int | None = None) -> list[str]:
    return [each.subject for each in await audit.entries(limit, before_id)]


async def test_entry_is_kept_as_it_was_given(audit: SqliteAudit) -> None:
    await audit.add(entry("bob"), ALL)
    (found,) = await audit.entries(10)
    assert (found.id, found.time_ms, found.actor, found.address) == (1, NOW_MS, "ada", "10.0.0.7")
    assert (found.action, found.subject) == ("user.add", "bob")
    assert found.details == {"role": "viewer"}


async def test_entries_have_pages_newest_first(audit: SqliteAudit) -> None:
    for name in "abcde":
        await audit.add(entry(name), ALL)
    first = await audit.entries(2)
    assert [each.subject for each in first] == ["e", "d"]
    assert await subjects(audit, 2, first[-1].id) == ["c", "b"]
    assert await subjects(audit, 2, 1) == []


async def test_number_of_entries_is_bounded(audit: SqliteAudit) -> None:
    for name in "abcde":
        await audit.add(entry(name), AuditRetention(3, 3, 1000))
    assert await subjects(audit) == ["e", "d", "c"]


async def test_old_entries_are_dropped(audit: SqliteAudit) -> None:
    keep = AuditRetention(10, 10, 1000)
    await audit.add(entry("old", NOW_MS), keep)
    await audit.add(entry("edge", NOW_MS + 500), keep)
    await audit.add(entry("new", NOW_MS + 1500), keep)
    assert await subjects(audit) == ["new", "edge"]


async def test_failed_logins_displace_no_other_entries(audit: SqliteAudit) -> None:
    keep = AuditRetention(10, 2, 1000)
    await audit.add(entry("kept"), keep)
    for number in range(20):
        await audit.add(entry(str(number), action=LOGIN_FAILED), keep)
    assert await subjects(audit) == ["19", "18", "kept"]
