"""Upkeep of the sample store: sealing, compaction, retention."""
