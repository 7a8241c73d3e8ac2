"""Backfilling: samples of the past, in any order, become chunks.

`backfill` takes the samples, `spill` keeps them in a temporary file, `series_groups` finds
their sources, `alignment` combines them into vectors, `chunk_building` makes chunks of those.
"""

__all__ = ["alignment", "backfill", "chunk_building", "series_groups", "spill"]
