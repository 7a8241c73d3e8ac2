"""This process: what the system lets it have, its worker threads, and its terminal."""

__all__ = ["descriptors", "regular_files", "resident_memory", "terminal_text", "worker_threads"]
