"""The contracts of the stores: protocols, the types they use, and errors.

There is no SQLite here: the other rooms of `storage` implement these protocols, and all
other packages import only these modules. Timestamps are Unix milliseconds; ranges
include both ends.
"""

__all__ = [
    "accounts",
    "activity",
    "agent_sessions",
    "alerts",
    "audit",
    "dashboards",
    "errors",
    "event_store",
    "events",
    "examined_series",
    "fleet",
    "host_keys",
    "hosts",
    "marks",
    "messages",
    "new_events",
    "people",
    "project_keys",
    "projects",
    "pushed_groups",
    "receivers",
    "reports",
    "requests",
    "rewinding",
    "routing",
    "rules",
    "sample_stats",
    "samples",
    "status",
    "vector_appender",
    "visits",
]
