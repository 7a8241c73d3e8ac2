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


_GROUPS = (
    # The notification of a group belongs to no single alert: alert_id may be null.
    """
    create table grouped_notifications (
        id integer primary key autoincrement,
        alert_id integer references alerts(id) on delete cascade,
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
    "insert into grouped_notifications select * from notifications",
    "drop table notifications",
    "alter table grouped_notifications rename to notifications",
    "create index notifications_alert on notifications(alert_id)",
    f"create index notifications_waiting on notifications(id) where {WAITING}",
    f"create index notifications_receiver on notifications(receiver, id) where {WAITING}",
    """
    create table silences (
        id text primary key,
        matchers text not null,
        starts_ms integer not null,
        ends_ms integer not null,
        updated_ms integer not null,
        created_by text not null,
        comment text not null,
        windows text not null
    )
    """,
    """
    create table notification_log (
        group_key text not null,
        integration text not null,
        sent_ms integer not null,
        firing text not null,
        resolved text not null,
        alert_ids text not null,
        primary key (group_key, integration)
    )
    """,
)


@MIGRATIONS()
def route(database: Database) -> None:
    """Create the tables of silences and the notification log."""
    for statement in _GROUPS:
        database.execute(statement)


_ACKNOWLEDGEMENTS = (
    "alter table alerts add column acknowledged_comment text not null default ''",
    "alter table alerts add column acknowledged_until_ms integer",
    "alter table alerts add column acknowledged_sticky integer not null default 1",
    "create index alerts_fired on alerts(fired_ms) where fired_ms is not null",
)


@MIGRATIONS()
def acknowledge(database: Database) -> None:
    """Add the terms of acknowledgements."""
    for statement in _ACKNOWLEDGEMENTS:
        database.execute(statement)


@MIGRATIONS()
def annotate_silences(database: Database) -> None:
    """Add the annotations of silences."""
    database.execute("alter table silences add column annotations text not null default '{}'")


@MIGRATIONS()
def keep_used_links(database: Database) -> None:
    """Create the table of used links that acknowledge alerts."""
    database.execute("create table used_links (id text primary key, expires_ms integer not null)")


_HISTORY = (
    "alter table transitions add column comment text not null default ''",
    "alter table transitions add column expires_ms integer",
    """
    create table notified_alerts (
        id integer primary key,
        alert_id integer not null references alerts(id) on delete cascade,
        notification_id integer not null references notifications(id) on delete cascade
    )
    """,
    "create unique index notified_alerts_alert on notified_alerts(alert_id, notification_id)",
    "create index notified_alerts_notification on notified_alerts(notification_id)",
    """
    create table alert_holds (
        id integer primary key,
        alert_id integer not null references alerts(id) on delete cascade,
        silence_id text not null,
        is_maintenance integer not null,
        matchers text not null,
        created_by text not null,
        comment text not null,
        starts_ms integer not null,
        ends_ms integer
    )
    """,
    "create unique index alert_holds_alert on alert_holds(alert_id, starts_ms, silence_id)",
    "create index alert_holds_open on alert_holds(id) where ends_ms is null",
)


@MIGRATIONS()
def keep_history(database: Database) -> None:
    """Create the tables of what groups were notified of and of what held alerts back."""
    for statement in _HISTORY:
        database.execute(statement)
