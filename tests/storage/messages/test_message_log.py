import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.conditions import MESSAGES_REPLACED, Conditions
from storage.api.errors import StorageError, StoreClosedError
from storage.api.messages import MessageTotals
from storage.messages.log import LATEST_DOCUMENTS, SqliteMessageLog
from storage.messages.remembered import RememberedIds, hash_bytes, hashes_of


@asynccontextmanager
async def opened(path: Path, remembered: int = 4_000_000) -> AsyncIterator[SqliteMessageLog]:
    log = SqliteMessageLog(path, remembered)
    await asyncio.to_thread(log.open)
    try:
        yield log
    finally:
        await asyncio.to_thread(log.close)


def document(number: int) -> bytes:
    return orjson.dumps({"message_id": f"m{number}"})


async def test_message_is_known_again_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "messages.db"
    async with opened(path) as log:
        assert log.take("m1", document(1))
        assert not log.take("m1", document(1))
        await log.commit()
    async with opened(path) as log:
        assert log.knows("m1")
        assert not log.take("m1", document(1))
        assert log.take("m2", document(2))
        assert log.totals == MessageTotals(2, 0)


async def test_uncommitted_message_is_unknown_after_a_kill(tmp_path: Path) -> None:
    async with opened(tmp_path / "messages.db") as log:
        log.take("m1", document(1))
        await log.commit()
        log.take("m2", document(2))

        # A killed process leaves the file as it is now.
        def copy() -> None:
            source = sqlite3.connect(tmp_path / "messages.db")
            target = sqlite3.connect(tmp_path / "copy.db")
            source.backup(target)
            source.close()
            target.close()

        await asyncio.to_thread(copy)
    async with opened(tmp_path / "copy.db") as log:
        assert log.knows("m1")
        assert not log.knows("m2")
        assert log.totals.messages == 1


async def test_latest_documents_come_newest_first_after_a_restart_too(tmp_path: Path) -> None:
    path = tmp_path / "messages.db"
    async with opened(path) as log:
        for number in range(LATEST_DOCUMENTS + 500):
            log.take(f"m{number}", document(number))
            if number % 100 == 0:
                await log.commit()
        before = log.latest(3)
        assert before == [document(LATEST_DOCUMENTS + 499 - at) for at in range(3)]
    async with opened(path) as log:
        assert log.latest(3) == before
        assert len(log.latest(10_000)) == LATEST_DOCUMENTS


async def test_older_documents_are_deleted_from_the_file(tmp_path: Path) -> None:
    path = tmp_path / "messages.db"
    async with opened(path) as log:
        for number in range(3 * LATEST_DOCUMENTS):
            log.take(f"m{number}", document(number))
            if number % 100 == 0:
                await log.commit()

    def stored() -> int:
        connection = sqlite3.connect(path)
        rows = connection.execute("select documents from latest").fetchall()
        connection.close()
        return sum(len(orjson.loads(row[0])) for row in rows)

    assert LATEST_DOCUMENTS <= await asyncio.to_thread(stored) < LATEST_DOCUMENTS + 200


async def test_report_numbers_are_unique(tmp_path: Path) -> None:
    path = tmp_path / "messages.db"
    async with opened(path) as log:
        assert [log.take_report(), log.take_report()] == [1, 2]
        await log.commit()
    async with opened(path) as log:
        assert log.take_report() == 3


async def test_messages_of_a_failed_commit_are_in_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "messages.db"
    async with opened(path) as log:

        def refuse(*_: object) -> None:
            raise sqlite3.OperationalError("disk is full")

        log.take("m1", document(1))
        with monkeypatch.context() as patch:
            patch.setattr(log, "_write", refuse)
            with pytest.raises(StorageError, match="disk is full"):
                await log.commit()
        log.take("m2", document(2))
        await log.commit()
    async with opened(path) as log:
        assert log.knows("m1")
        assert log.knows("m2")
        assert log.latest(5) == [document(2), document(1)]


async def test_oldest_generation_is_forgotten_in_memory_and_on_disk(tmp_path: Path) -> None:
    path, least = tmp_path / "messages.db", 40_000
    async with opened(path, least) as log:
        for number in range(200_000):
            log.take(f"m{number}", b"{}")
        await log.commit()
        assert not log.knows("m0")
        assert all(log.knows(f"m{number}") for number in range(200_000 - least, 200_000))
        log.take("one more", b"{}")
        await log.commit()
    async with opened(path, least) as log:
        assert not log.knows("m0")
        assert all(log.knows(f"m{number}") for number in range(200_000 - least, 200_000))


async def test_closed_log_rejects_messages(tmp_path: Path) -> None:
    log = SqliteMessageLog(tmp_path / "messages.db")
    with pytest.raises(StoreClosedError):
        log.take("m1", b"{}")
    with pytest.raises(StoreClosedError):
        await log.commit()


@pytest.mark.parametrize("spoil", [lambda data: b"no database" * 999, lambda data: data[:2000]])
@pytest.mark.fault("messages_replaced")
async def test_damaged_file_is_set_aside_and_a_new_one_begun(
    tmp_path: Path, spoil: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "messages.db"
    async with opened(path) as log:
        log.take("m1", document(1))
        await log.commit()
    damaged = await asyncio.to_thread(lambda: spoil(path.read_bytes()))
    await asyncio.to_thread(path.write_bytes, damaged)
    conditions = Conditions(lambda: 0)
    log = SqliteMessageLog(path, conditions=conditions)
    await asyncio.to_thread(log.open)
    assert not log.knows("m1")
    assert log.totals == MessageTotals(0, 0)
    assert log.take("m1", document(1))
    await log.commit()
    await asyncio.to_thread(log.close)
    (condition,) = conditions.active()
    assert condition.kind is MESSAGES_REPLACED
    assert "messages.db.damaged-1" in condition.reason
    kept = await asyncio.to_thread((tmp_path / "messages.db.damaged-1").read_bytes)
    assert kept == damaged
    async with opened(path) as log:
        assert log.knows("m1")


async def test_file_that_is_damaged_while_running_is_begun_anew_and_ids_stay_known(
    tmp_path: Path,
) -> None:
    path = tmp_path / "messages.db"
    conditions = Conditions(lambda: 0)
    log = SqliteMessageLog(path, conditions=conditions)
    await asyncio.to_thread(log.open)
    for number in range(3):
        log.take(f"m{number}", document(number))
        await log.commit()
    writer = log._writer

    def damage() -> None:
        writer.checkpoint()
        writer.call(lambda: writer.connection.execute("pragma shrink_memory")).result()
        with path.open("r+b") as file:
            size = file.seek(0, 2)
            file.seek(4096)
            file.write(b"\xa5" * (size - 4096))

    await asyncio.to_thread(damage)
    log.take("m3", document(3))
    await log.commit()
    assert [one.kind for one in conditions.active()] == [MESSAGES_REPLACED]
    assert all(log.knows(f"m{number}") for number in range(4))
    log.take("m4", document(4))
    await log.commit()
    await asyncio.to_thread(log.close)
    async with opened(path) as again:
        assert again.totals == MessageTotals(5, 0)
        assert again.knows("m3")
        assert again.knows("m4")


@given(st.lists(st.integers(1, 2**64 - 1), unique=True, max_size=300), st.integers(0, 2**16))
def test_restored_ids_are_those_that_were_remembered(keys: list[int], spread: int) -> None:
    # Hashes that share a slot are the hard case.
    keys = list(dict.fromkeys([key & ~spread or 1 for key in keys]))
    one_by_one, restored = RememberedIds(1000), RememberedIds(1000)
    for key in keys:
        one_by_one.add(key)
    restored.restore([(0, np.array(keys, np.uint64))])
    assert all(key in one_by_one and key in restored for key in keys)
    assert len(restored) == len(keys)
    for other in (key ^ 1 for key in keys if key ^ 1):
        assert (other in restored) == (other in one_by_one) == (other in set(keys))


@given(st.lists(st.integers(0, 2**64 - 1)))
def test_hashes_survive_a_round_trip_through_bytes(keys: list[int]) -> None:
    assert hashes_of(hash_bytes(keys)).tolist() == keys
