"""Window files: chunks on disk, one SQLite file per stretch of time."""
