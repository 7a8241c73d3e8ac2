"""Finds targets, schedules, fetches, parses expositions into vectors, appends them.

`scraper` holds the `Scraper`, `settings` turns configuration and registered hosts into
the targets it is given, `targets` says what a target is and how it goes.
"""

__all__ = ["errors", "families", "quantities", "scraper", "settings", "statistics", "targets"]
