"""Composition root: CLI, configuration, logging, start-up and shut-down."""

__all__: list[str] = []
