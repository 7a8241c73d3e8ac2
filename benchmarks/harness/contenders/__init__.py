"""The servers that benchmarks compare."""

__all__ = [
    "contender",
    "query_paths",
    "servers",
    "store_import",
]
