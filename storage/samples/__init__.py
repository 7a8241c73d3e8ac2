"""The sample store: vectors in memory (head), in a journal, and in window files.

`store` implements `storage.api.samples`. docs/storage-format.md describes the bytes on disk.
"""

__all__ = ["settings", "store"]
