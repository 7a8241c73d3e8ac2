"""The collectors, one probe of the host per file, with node_exporter's metric names and labels.

A collector has a `name`, receives the roots to read below, and returns families from
`collect()`. It may fail or hang: `exporter.deadlines` bounds the damage. It never runs
twice at the same time, so it may keep state between scrapes.
"""

__all__: list[str] = []
