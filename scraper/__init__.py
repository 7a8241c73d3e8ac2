"""Finds targets, schedules, fetches, parses expositions into vectors, appends them."""

__all__ = ["targets"]
