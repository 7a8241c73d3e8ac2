"""opencode's database is read while opencode writes it."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from daemon.opencode_database import database_mark, document_lines, is_opencode_database
from daemon.trace_files import TraceDirectory, TraceProgress
from storage.api.agent_sessions.records import AgentSender

TOKENS = {"input": 100, "output": 50, "reasoning": 0, "cache": {"read": 0, "write": 0}}
DATA = {
    "role": "assistant",
    "modelID": "gpt-5",
    "providerID": "openai",
    "time": {"created": 1_795_000_000_000},
    "tokens": TOKENS,
}


def opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path)
    connection.execute("pragma journal_mode = wal")
    connection.executescript(
        "create table session (id text, directory text, time_updated integer);"
        "create table message (id text, session_id text, time_updated integer, data text);"
        "create table part"
        " (id text, message_id text, session_id text, time_updated integer, data text);"
    )
    connection.execute("insert into session values ('ses_1', '/home/ann/shop', 1)")
    connection.commit()
    return connection


def add(connection: sqlite3.Connection, key: str, changed_ms: int, data: Any = DATA) -> None:
    text = data if isinstance(data, str) else json.dumps(data)
    connection.execute("insert into message values (?, 'ses_1', ?, ?)", [key, changed_ms, text])
    connection.commit()


def bodies(files: TraceDirectory) -> bytes:
    found, progress = b"", TraceProgress()
    for path, _ in files.changed():
        found += b"".join(files.read(path, progress))
        files.sent(path)
    assert progress.unknown == []
    return found


def test_messages_are_sent_once_while_the_database_grows(tmp_path: Path) -> None:
    with closing(opened(tmp_path / "opencode.db")) as connection:
        add(connection, "msg_1", 1_000)
        # What changed in the last millisecond that was read may not have been all of it.
        add(connection, "msg_2", 1_001)
        files = TraceDirectory([tmp_path], AgentSender(), tmp_path / "state" / "x")
        first = bodies(files)
        assert first.count(b'"redshank":"request"') == 2
        assert b'"msg_1"' in first
        assert b'"shop"' in first
        assert files.changed() == []
        # The row is in the write-ahead log alone.
        add(connection, "msg_3", 1_001)
        second = bodies(files)
        assert b'"msg_3"' in second
        assert b'"shop"' in second
        assert b'"msg_1"' not in second


def test_damaged_rows_are_passed_over(tmp_path: Path) -> None:
    with closing(opened(tmp_path / "opencode-beta.db")) as connection:
        for key, data in (("a", "{"), ("b", "[]"), ("c", DATA)):
            add(connection, key, 1, data)
        lines = [
            line for part in document_lines(tmp_path / "opencode-beta.db", {}) for line in part
        ]
    assert [b'"c"' in line for line in lines] == [False, True]


def test_tables_without_the_time_of_a_change_are_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "opencode.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("create table message (id text, session_id text, data text)")
        connection.execute("insert into message values ('m', 's', ?)", [json.dumps(DATA)])
        connection.commit()
    since: dict[str, int] = {}
    for _ in range(2):
        ((line,),) = [part for part in document_lines(path, since) if part]
        assert json.loads(line)["sessionID"] == "s"


def test_file_that_is_no_database_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "opencode.db"
    path.write_text("hello " * 100)
    files = TraceDirectory([tmp_path], AgentSender(), tmp_path / "state" / "x")
    progress = TraceProgress()
    ((found, _),) = files.changed()
    assert list(files.read(found, progress)) == []
    assert progress.unknown == [path]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("opencode.db", True),
        ("opencode-beta.db", True),
        ("other.db", False),
        ("opencode.db-wal", False),
    ],
)
def test_database_is_known_by_its_name(tmp_path: Path, name: str, expected: bool) -> None:
    assert is_opencode_database(tmp_path / name) is expected


def test_missing_database_cannot_be_marked(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        database_mark(tmp_path / "opencode.db")
