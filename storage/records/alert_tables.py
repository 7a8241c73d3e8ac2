"""The tables of alerts, transitions, notifications and check overrides.

Each listing has an index of its own, so a page costs the same however long the history
is.
"""

from typing import Final

from sqlite_utils import Database, Migrations

MIGRATIONS = Migrations("alerts")

OPEN: Final = "state in ('pending', 'firing', 'no_data')"
"""The condition of open alerts, as the index `alerts_open` has it."""
WAITING: Final = "delivered_ms is null and abandoned_ms is null"
"""The condition of notifications in the outbox, as the indexes have it."""

_SCHEMA = (
    # autoincrement: ids page the history and are part of links, so none is used twice.
    # value: SQLite stores NaN as null.
    """
    create table alerts (
        id integer primary key autoincrement,
        rule text not null,
        labels text not null,
        annotations text not null,
        state text not null,
        value real,
        active_ms integer not null,
        changed_ms integer not null,
        fired_ms integer,
        resolved_ms integer,
        acknowledged_by text,
        acknowledged_ms integer
    )
    """,
    f"create index alerts_open on alerts(id) where {OPEN}",
    "create index alerts_resolved on alerts(id) where state = 'resolved'",
    "create index alerts_ended on alerts(changed_ms) where state in ('inactive', 'resolved')",
    """
    create table transitions (
        id integer primary key autoincrement,
        alert_id integer not null references alerts(id) on delete cascade,
        before text not null,
        after text not null,
        time_ms integer not null,
        value real,
        actor text
    )
    """,
    "create index transitions_alert on transitions(alert_id, id)",
    """
    create table notifications (
        id integer primary key autoincrement,
        alert_id integer not null references alerts(id) on delete cascade,
        receiver text not null,
        body text not null,
        created_ms integer not null,
        next_attempt_ms integer not null,
        attempts integer not null default 0,
        delivered_ms integer,
        abandoned_ms integer,
        last_error text
    )
    """,
    "create index notifications_alert on notifications(alert_id)",
    f"create index notifications_waiting on notifications(id) where {WAITING}",
    f"create index notifications_receiver on notifications(receiver, id) where {WAITING}",
    """
    create table check_overrides (
        instance text not null,
        "check" text not null,
        enabled integer not null,
        warning real,
        critical real,
        recovery real,
        for_s real,
        primary key (instance, "check")
    )
    """,
)


@MIGRATIONS()
def create(database: Database) -> None:
    """Create the tables, in SQL because sqlite-utils has no partial indexes."""
    for statement in _SCHEMA:
        database.execute(statement)
