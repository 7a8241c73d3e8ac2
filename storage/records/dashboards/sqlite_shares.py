"""Links to dashboards, table `dashboard_shares`."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from sqlite_utils import Database, Migrations

from storage.api.dashboards.shares import DashboardShare, NewDashboardShare
from storage.api.errors import NotFoundError
from storage.records.database import RecordsDatabase

MIGRATIONS = Migrations("dashboard_shares")

# Without a reference to `dashboards`: shipped dashboards have no row there.
_SCHEMA: Final = """
create table dashboard_shares (
    id integer primary key autoincrement,
    token_hash text not null unique,
    uid text not null,
    variables text not null,
    author text not null,
    created_ms integer not null,
    expires_ms integer not null
)
"""


@MIGRATIONS()
def create(database: Database) -> None:
    """Create the table, in SQL because sqlite-utils has no autoincrement."""
    database.execute(_SCHEMA)
    database.execute("create index dashboard_shares_uid on dashboard_shares(uid)")


class SqliteDashboardShares:
    """`DashboardShareRecords` in SQLite."""

    def __init__(self, database: RecordsDatabase) -> None:
        self._database = database

    async def add(self, share: NewDashboardShare) -> DashboardShare:
        """See `DashboardShareRecords.add`."""

        def insert(database: Database) -> DashboardShare:
            ended = "delete from dashboard_shares where expires_ms <= ?"
            database.execute(ended, [share.created_ms])
            number: Any = database.table("dashboard_shares").insert(asdict(share)).last_pk
            return DashboardShare(**asdict(share), id=int(number))

        return await self._database.write(insert)

    async def find(self, token_hash: str, now_ms: int) -> DashboardShare | None:
        """See `DashboardShareRecords.find`."""

        def look(database: Database) -> DashboardShare | None:
            query = "select * from dashboard_shares where token_hash = ? and expires_ms > ?"
            row = next(database.query(query, [token_hash, now_ms]), None)
            return None if row is None else DashboardShare(**row)

        return await self._database.read(look)

    async def live(self, uid: str, now_ms: int) -> Sequence[DashboardShare]:
        """See `DashboardShareRecords.live`."""
        query = "select * from dashboard_shares where uid = ? and expires_ms > ? order by id desc"
        return await self._database.read(
            lambda database: [DashboardShare(**row) for row in database.query(query, [uid, now_ms])]
        )

    async def revoke(self, uid: str, share_id: int) -> None:
        """See `DashboardShareRecords.revoke`."""

        def delete(database: Database) -> None:
            statement = "delete from dashboard_shares where uid = ? and id = ?"
            if not database.execute(statement, [uid, share_id]).rowcount:
                raise NotFoundError("share", share_id)

        await self._database.write(delete)
