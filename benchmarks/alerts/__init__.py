"""Alerts that fire at once, from the book to the receivers: `./run bench alerts`."""

__all__: list[str] = []
