"""Records: everything small and relational, in `records.db` by sqlite-utils.

One module a subject, each with its own migrations; `database` opens the file and
brings every schema up to date, `records` puts the subjects together.
"""

__all__ = ["accounts", "alerts", "database", "hosts", "records"]
