"""Finds targets, schedules, fetches, parses expositions into vectors, appends them.

`scraper` holds the `Scraper`, `settings` turns configuration and registered hosts into
the targets it is given, `targets` says what a target is and how it goes.
`prometheus_config` reads Prometheus's own configuration, whose jobs `discovery` keeps
supplied with targets.
"""

__all__ = [
    "discovery",
    "errors",
    "exposition",
    "families",
    "grammar",
    "jobs",
    "prometheus_config",
    "scraper",
    "settings",
    "statistics",
    "targets",
]
