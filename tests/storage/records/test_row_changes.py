"""Two databases become equal by transferring the rows that one of them has changed."""

import sqlite3
from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.records.row_changes import (
    forget_changes,
    note_changes,
    noted_changes,
    table_shapes,
    transfer,
    transfer_sequences,
)

SCHEMA = """
create table parents (id integer primary key autoincrement, name text unique);
create table children (
    id integer primary key autoincrement,
    parent integer not null references parents(id) on delete cascade
);
create table pairs (a text, b text, value real, primary key (a, b));
"""
STATEMENTS = st.one_of(
    st.tuples(st.just("insert or replace into parents (name) values (?)"), st.integers(0, 4)),
    st.tuples(
        st.just("insert into children (parent) select id from parents where name = ?"),
        st.integers(0, 4),
    ),
    st.tuples(st.just("delete from parents where name = ?"), st.integers(0, 4)),
    st.tuples(st.just("delete from children where id % 3 = ?"), st.integers(0, 2)),
    st.tuples(st.just("update or replace parents set name = ? where id % 2"), st.integers(0, 4)),
    st.tuples(
        st.just("insert into pairs values ('x', ?, 1) on conflict do update set value = value + 1"),
        st.integers(0, 4),
    ),
    st.tuples(st.just("update pairs set b = b || 'z' where b = ?"), st.integers(0, 4)),
)


OPENED: list[sqlite3.Connection] = []


@pytest.fixture(autouse=True)
def _connections_are_closed() -> Iterator[None]:
    yield
    while OPENED:
        OPENED.pop().close()


def database() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.executescript(SCHEMA)
    OPENED.append(connection)
    return connection


def content(connection: sqlite3.Connection) -> list[list[tuple[object, ...]]]:
    tables = ("parents", "children", "pairs", "sqlite_sequence")
    return [
        connection.execute(f"select rowid, * from {table} order by 1").fetchall()
        if table != "sqlite_sequence"
        else connection.execute("select * from sqlite_sequence where seq order by 1").fetchall()
        for table in tables
    ]


@settings(max_examples=60, deadline=None)
@given(st.lists(STATEMENTS, max_size=12), st.lists(STATEMENTS, max_size=12))
def test_target_equals_the_source_after_each_transfer(
    first: list[tuple[str, int]], second: list[tuple[str, int]]
) -> None:
    source, target = database(), database()
    shapes = table_shapes(source)
    for connection in (source, target):
        note_changes(connection, shapes)
    source.execute("pragma foreign_keys = on")
    for statements in (first, second):
        for statement, value in statements:
            # A statement that violates a constraint undoes its own changes only.
            with suppress(sqlite3.IntegrityError):
                source.execute(statement, (str(value) if "%" not in statement else value,))
        target.execute("begin")
        transfer(noted_changes(source), shapes, source, target)
        transfer_sequences(source, target)
        target.execute("commit")
        forget_changes(source)
        assert content(target) == content(source)
        assert noted_changes(target) == []


def test_rows_of_a_rolled_back_transaction_are_not_noted() -> None:
    source = database()
    note_changes(source, table_shapes(source))
    source.execute("begin")
    source.execute("insert into parents (name) values ('a')")
    source.execute("rollback")
    assert noted_changes(source) == []
