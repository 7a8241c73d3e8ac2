"""Rule groups that people make, table `rule_groups`."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, Final

from sqlite_utils import Database, Migrations

from storage.api.errors import NotFoundError, StaleVersionError, TakenError
from storage.api.rules.stored_groups import RuleGroupContent, StoredRuleGroup
from storage.records.database import RecordsDatabase
from storage.records.rows import decoded

MIGRATIONS = Migrations("rule_groups")
_TABLE: Final = "rule_groups"
_KIND: Final = "rule group"

_SCHEMA: Final = """
create table rule_groups (
    id integer primary key autoincrement, name text not null unique, definition text not null,
    version integer not null, author text not null, created_ms integer not null,
    changed_ms integer not null)
"""


@MIGRATIONS()
def create(database: Database) -> None:
    """Create the table, in SQL because ids of deleted rows must not come back."""
    database.execute(_SCHEMA)


class SqliteRuleGroups:
    """`RuleGroupRecords` in SQLite."""

    def __init__(self, database: RecordsDatabase) -> None:
        self._database = database

    async def all(self) -> Sequence[StoredRuleGroup]:
        """See `RuleGroupRecords.all`."""
        return await self._database.read(
            lambda database: decoded(
                _TABLE,
                database.table(_TABLE).rows_where(order_by="name"),
                _group,
                self._database.damage,
            )
        )

    async def add(
        self,
        contents: Sequence[RuleGroupContent],
        author: str,
        now_ms: int,
        *,
        overwrite: bool = False,
    ) -> Sequence[StoredRuleGroup]:
        """See `RuleGroupRecords.add`."""

        def store(database: Database) -> list[StoredRuleGroup]:
            stored = []
            for content in contents:
                known = _named(database, content.name)
                if known is None:
                    stored.append(_inserted(database, content, author, now_ms))
                elif overwrite:
                    stored.append(_updated(database, known, content, author, now_ms))
                else:
                    raise TakenError(_KIND, "name", content.name)
            return stored

        return await self._database.write(store)

    async def change(
        self, group_id: int, version: int, content: RuleGroupContent, author: str, now_ms: int
    ) -> StoredRuleGroup:
        """See `RuleGroupRecords.change`."""

        def update(database: Database) -> StoredRuleGroup:
            known = _at_version(database, group_id, version)
            if content.name != known.name and _named(database, content.name) is not None:
                raise TakenError(_KIND, "name", content.name)
            return _updated(database, known, content, author, now_ms)

        return await self._database.write(update)

    async def remove(self, group_id: int, version: int | None = None) -> StoredRuleGroup:
        """See `RuleGroupRecords.remove`."""

        def delete(database: Database) -> StoredRuleGroup:
            known = _at_version(database, group_id, version)
            database.execute("delete from rule_groups where id = ?", [group_id])
            return known

        return await self._database.write(delete)


def _group(row: Mapping[str, Any]) -> StoredRuleGroup:
    return StoredRuleGroup(**row)


def _named(database: Database, name: str) -> StoredRuleGroup | None:
    row = next(database.table(_TABLE).rows_where("name = ?", [name]), None)
    return None if row is None else _group(row)


def _at_version(database: Database, group_id: int, version: int | None) -> StoredRuleGroup:
    row = next(database.table(_TABLE).rows_where("id = ?", [group_id]), None)
    if row is None:
        raise NotFoundError(_KIND, group_id)
    known = _group(row)
    if version not in (None, known.version):
        raise StaleVersionError(_KIND, known.name, version, known.version)
    return known


def _inserted(
    database: Database, content: RuleGroupContent, author: str, now_ms: int
) -> StoredRuleGroup:
    row: dict[str, Any] = {
        "name": content.name,
        "definition": content.definition,
        "version": 1,
        "author": author,
        "created_ms": now_ms,
        "changed_ms": now_ms,
    }
    number: Any = database.table(_TABLE).insert(row).last_pk
    return StoredRuleGroup(**row, id=number)


def _updated(
    database: Database,
    known: StoredRuleGroup,
    content: RuleGroupContent,
    author: str,
    now_ms: int,
) -> StoredRuleGroup:
    changed = replace(
        known,
        name=content.name,
        definition=content.definition,
        version=known.version + 1,
        author=author,
        changed_ms=now_ms,
    )
    database.table(_TABLE).update(known.id, asdict(changed))
    return changed
