"""The table `person_properties`: what events have set, appended and folded from time to time.

A row says that an event set a property of a person, or set it first (`initial`). Properties are
put together when they are read: of all merged distinct ids, the latest value that was set
counts, else the first one that was set first. JSON's null stands for a removed property.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import orjson
from numpy.typing import NDArray

from storage.events.columns import text_column
from storage.events.sql import IN_ORDER, Sql, column_arrays

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

TABLE: Final = """
create table if not exists person_properties (
    project uinteger not null, person ubigint not null, name varchar not null,
    initial boolean not null, value varchar not null, time_ms bigint not null,
    sequence bigint not null)
"""
VALUE: Final = (
    f"coalesce(arg_max(value, {IN_ORDER}) filter (not initial),"
    f" arg_min(value, {IN_ORDER}) filter (initial))"
)
"""The value of a property, of all rows of a person and a name; JSON as text."""

_MARKS: Final = ('"$set', '"$unset')
_FEWEST_TO_FOLD: Final = 100_000
_INSERT: Final = """
insert into person_properties
select project, person, name, initial, value, time_ms, sequence from properties_set
"""
_FOLDED: Final = f"""
select project, person, name, initial,
    case when initial then arg_min(value, {IN_ORDER}) else arg_max(value, {IN_ORDER}) end,
    case when initial then arg_min(time_ms, {IN_ORDER}) else arg_max(time_ms, {IN_ORDER}) end,
    case when initial then arg_min(sequence, {IN_ORDER}) else arg_max(sequence, {IN_ORDER}) end
from person_properties group by project, person, name, initial
"""
_BACKFILL_BLOCK: Final = 100_000

Row = tuple[int, str, bool, str]
"""The position of the event, the name of the property, whether it is initial, and the value."""


class PropertyRows:
    """Writes the table; all state belongs to the writer thread."""

    def __init__(self) -> None:
        self._folded = self._added = 0

    def load(self, connection: "DuckDBPyConnection") -> None:
        """Count the rows; called each time the file has been opened."""
        row = connection.execute("select count(*) from person_properties").fetchone()
        self._folded, self._added = int(row[0]) if row else 0, 0

    def write(self, connection: "DuckDBPyConnection", columns: dict[str, NDArray[Any]]) -> None:
        """Add what stored events set.

        Args:
            connection: in a transaction.
            columns: the columns of the table of events.
        """
        rows = list(rows_of(columns["properties"], columns["is_future"]))
        if not rows:
            return
        places = np.array([row[0] for row in rows], np.int64)
        connection.register(
            "properties_set",
            {
                **{name: columns[name][places] for name in ("project", "person", "time_ms")},
                "sequence": columns["sequence"][places],
                "name": text_column([row[1] for row in rows]),
                "initial": np.array([row[2] for row in rows], np.bool_),
                "value": text_column([row[3] for row in rows]),
            },
        )
        connection.execute(_INSERT)
        connection.unregister("properties_set")
        self._added += len(rows)
        # As long again as what is kept: folding costs each row a constant number of times.
        if self._added > self._folded + _FEWEST_TO_FOLD:
            fold(connection)
            self.load(connection)


def rows_of(
    properties: Iterable[str], is_future: Sequence[bool] | NDArray[np.bool_]
) -> Iterator[Row]:
    """Yield what events set; events that are kept apart set nothing."""
    for position, text in enumerate(properties):
        # Most events have neither: the first look takes 40 ns.
        if '"$' not in text or is_future[position]:
            continue
        if any(mark in text for mark in _MARKS):
            for name, initial, value in _assignments(orjson.loads(text)):
                yield position, name, initial, value


def _assignments(found: dict[str, Any]) -> Iterator[tuple[str, bool, str]]:
    assigned = dict(_object(found.get("$set")))
    removed = found.get("$unset")
    for name in removed if isinstance(removed, list | dict) else ():
        if isinstance(name, str):
            assigned[name] = None
    for name, value in assigned.items():
        yield name, False, orjson.dumps(value).decode()
    for name, value in _object(found.get("$set_once")).items():
        # A first value that is null must not keep out the first one that is not.
        if value is not None:
            yield name, True, orjson.dumps(value).decode()


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def fold(connection: "DuckDBPyConnection") -> None:
    """Delete the rows that no longer count, whichever distinct ids are merged later."""
    connection.execute(f"create temp table folded_properties as {_FOLDED}")
    connection.execute("delete from person_properties")
    connection.execute("insert into person_properties select * from folded_properties")
    connection.execute("drop table folded_properties")


def delete_without_events(connection: "DuckDBPyConnection", project: int) -> None:
    """Delete the properties of persons who have no event left."""
    connection.execute(
        "delete from person_properties where project = ? and person not in ("
        "with present as (select distinct coalesce(i.person, e.person) as person from events e"
        " left join identities i on i.project = e.project and i.alias = e.person"
        " where e.project = ?) select person from present union all select alias from identities"
        " where project = ? and person in (select person from present))",
        [project, project, project],
    )


def create_person_properties(connection: "DuckDBPyConnection") -> None:
    """Create the table with what stored events have set, if it is missing."""
    known = connection.execute(
        "select 1 from duckdb_tables() where table_name = 'person_properties' and not temporary"
    ).fetchone()
    if known is not None:
        return
    connection.execute("begin")
    try:
        connection.execute(TABLE)
        _fill(connection)
        connection.execute("commit")
    except BaseException:
        connection.execute("rollback")
        raise


def _fill(connection: "DuckDBPyConnection") -> None:
    rows = PropertyRows()
    after = -1
    while True:
        query = Sql(
            "select project, person, time_ms, sequence, is_future, properties from events"
            " where sequence > ? and (contains(properties, '\"$set')"
            " or contains(properties, '\"$unset')) order by sequence limit ?",
            (after, _BACKFILL_BLOCK),
        )
        columns = column_arrays(connection, query)
        if not len(columns["sequence"]):
            return
        rows.write(connection, columns)
        after = int(columns["sequence"][-1])
