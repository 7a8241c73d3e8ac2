"""Records: users, hosts, alerts and other small relational data, in `records.db`.

Each subject has a module with its tables and migrations. `database` owns the file,
`store` holds all subjects.
"""

__all__ = ["store"]
