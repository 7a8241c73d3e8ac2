"""Silences and log entries, from and to the rows of the records."""

import json
import zoneinfo
from dataclasses import asdict
from typing import Any

from alerting.routing.notification_log import LogEntry
from alerting.routing.silences import Silence
from alerting.routing.time_intervals import TimeInterval
from model.labels import Labels
from model.matchers import Matcher
from storage.api.routing import NotificationLogRow, SilenceRow


def silence_row(silence: Silence) -> SilenceRow:
    """Return the row of a silence."""
    matchers = [[each.name, each.operator.value, each.value] for each in silence.matchers]
    windows = [asdict(window) | {"zone": str(window.zone)} for window in silence.windows]
    return SilenceRow(
        silence.id,
        json.dumps(matchers),
        silence.starts_ms,
        silence.ends_ms,
        silence.updated_ms,
        silence.created_by,
        silence.comment,
        json.dumps(windows),
        json.dumps(dict(silence.annotations)),
    )


def silence_of(row: SilenceRow) -> Silence:
    """Return the silence of a row."""
    return Silence(
        row.id,
        tuple(Matcher.of(*each) for each in json.loads(row.matchers)),
        row.starts_ms,
        row.ends_ms,
        row.updated_ms,
        row.created_by,
        row.comment,
        tuple(_window(each) for each in json.loads(row.windows)),
        Labels.with_empty(json.loads(row.annotations)),
    )


def _window(stored: dict[str, Any]) -> TimeInterval:
    ranges = {
        name: tuple((int(first), int(last)) for first, last in values)
        for name, values in stored.items()
        if name != "zone"
    }
    return TimeInterval(zone=zoneinfo.ZoneInfo(stored["zone"]), **ranges)


def log_row(entry: LogEntry) -> NotificationLogRow:
    """Return the row of a log entry."""
    return NotificationLogRow(
        entry.group_key,
        entry.integration,
        entry.sent_ms,
        json.dumps({each: entry.since.get(each, entry.sent_ms) for each in sorted(entry.firing)}),
        json.dumps(sorted(entry.resolved)),
        json.dumps(sorted(entry.alert_ids)),
    )


def log_entry(row: NotificationLogRow) -> LogEntry:
    """Return the log entry of a row."""
    firing = json.loads(row.firing)
    # Earlier versions stored a list.
    since = firing if isinstance(firing, dict) else dict.fromkeys(firing, row.sent_ms)
    return LogEntry(
        row.group_key,
        row.integration,
        row.sent_ms,
        frozenset(since),
        frozenset(json.loads(row.resolved)),
        frozenset(json.loads(row.alert_ids)),
        since,
    )
