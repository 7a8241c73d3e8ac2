"""Vectors in memory: the head of each source and the recent window."""
