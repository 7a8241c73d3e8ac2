"""Backfilling: samples of the past, in any order, become chunks.

`backfill` takes them, `spill` keeps them meanwhile, `series_groups` finds their sources,
`alignment` puts them together as vectors, `chunk_building` cuts those into chunks.
"""

__all__ = ["alignment", "backfill", "chunk_building", "series_groups", "spill"]
