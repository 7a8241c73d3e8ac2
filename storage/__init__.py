"""Stores samples, records and messages; owns every SQL statement and every byte format.

Other packages import `storage.api` only; `daemon` constructs the rest. `files` is the
registry of a data directory's files, which `backup` and `verification` walk.
"""

__all__ = ["api", "backup", "files", "messages", "records", "samples", "verification"]
