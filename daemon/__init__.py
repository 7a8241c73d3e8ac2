"""The composition root: command line, configuration, logging, start-up and shut-down."""

__all__: list[str] = []
