"""Decompresses bodies from other programs, within limits."""
