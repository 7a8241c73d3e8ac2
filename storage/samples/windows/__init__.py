"""Windows: one SQLite file of chunks for each stretch of time."""
