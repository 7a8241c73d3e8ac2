"""One probe a file: what it reads of a host, under node_exporter's names, types and labels.

A collector has a `name`, is handed the roots it reads below, and returns families
from `collect()`. It may fail or hang: `exporter.gathering.supervision` bounds what that costs.
It is never run twice at a time, so it may keep state between scrapes.
"""

__all__: list[str] = []
