"""The contracts of the stores: protocols, the types they use, and errors.

There is no SQLite here: the other rooms of `storage` implement these protocols, and all
other packages import only these modules. Timestamps are Unix milliseconds; ranges
include both ends.
"""

__all__ = [
    "accounts",
    "alerts",
    "audit",
    "errors",
    "examined_series",
    "host_keys",
    "hosts",
    "messages",
    "pushed_groups",
    "sample_stats",
    "samples",
    "second_factors",
    "vector_appender",
]
