"""The routes that are imported with the first request for them, in groups."""
