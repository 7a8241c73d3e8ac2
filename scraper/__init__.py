"""Discovers targets, scrapes them, and appends their samples to the store.

Rooms, top down: `configuration` reads scrape settings and `prometheus.yml`; `discovery`
finds the targets of jobs; `scheduling` scrapes each target at the times of its slot;
`recording` turns scrapes into vectors and appends them; `fetching` requests expositions;
`exposition` parses and renders them. `relabel` rewrites label sets.
"""

__all__ = [
    "configuration",
    "discovery",
    "errors",
    "exposition",
    "fetching",
    "messages",
    "recording",
    "relabel",
    "scheduling",
]
