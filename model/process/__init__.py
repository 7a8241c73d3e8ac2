"""This process: its supervisor, what the system lets it have, its worker threads, its terminal."""

__all__ = [
    "descriptors",
    "regular_files",
    "resident_memory",
    "sd_notify",
    "terminal_text",
    "worker_threads",
]
