"""Samples: vectors in memory (head), in a journal, and in files of chunks (windows).

`store` puts it all together behind `storage.api.samples`; docs/storage-format.md
gives the bytes.
"""

__all__ = ["settings", "store"]
