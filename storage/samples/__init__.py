"""Samples: head, journal and chunks."""

__all__: list[str] = []
