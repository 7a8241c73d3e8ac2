"""Merges distinct ids into persons.

The table `identities` has a row for each distinct id that was merged into another one, and all
rows of a person name the same one. That one is *known*: it is the id of a user.
"""

from typing import TYPE_CHECKING

from storage.api.new_events import PersonMerge
from storage.events.hashing import Hasher

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def merge(
    connection: "DuckDBPyConnection", hasher: Hasher, project: int, asked: PersonMerge
) -> bool:
    """Merge two persons unless both would be users; return whether they are one person.

    Two users who share a device must not become one. PostHog refuses the same.
    """
    alias, target = (
        _person(connection, project, number)
        for number in hasher.persons(project, (asked.alias, asked.distinct_id)).tolist()
    )
    if alias == target:
        return True
    if not asked.is_forced and _is_known(connection, project, alias):
        return False
    # The distinct ids that were merged into the alias follow it.
    connection.execute(
        "update identities set person = ? where project = ? and person = ?",
        [target, project, alias],
    )
    connection.execute("insert into identities values (?, ?, ?)", [project, alias, target])
    return True


def _person(connection: "DuckDBPyConnection", project: int, number: int) -> int:
    """Return the hash that stands for the person of a distinct id."""
    row = connection.execute(
        "select person from identities where project = ? and alias = ?", [project, number]
    ).fetchone()
    return number if row is None else int(row[0])


def _is_known(connection: "DuckDBPyConnection", project: int, person: int) -> bool:
    row = connection.execute(
        "select 1 from identities where project = ? and person = ? limit 1", [project, person]
    ).fetchone()
    return row is not None
