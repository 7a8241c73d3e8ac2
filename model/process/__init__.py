"""This process: what the system lets it have, and its worker threads."""

__all__ = ["descriptors", "regular_files", "resident_memory", "worker_threads"]
