"""Windows: one SQLite file of chunks for each range of time."""
