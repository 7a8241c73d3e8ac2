"""Deleted series: tombstones, which reading respects and rewriting applies."""
