"""Keeps samples, events and records; owns every SQL statement and every byte format.

`storage.api` is all that other packages may import; `daemon` constructs the rest.
"""

__all__ = ["api", "database", "records", "samples"]
