"""Collects the events that the exporter logs during a test."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class _Collecting(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.entries: list[dict[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        fields = getattr(record, "fields", {})
        level = record.levelname.lower()
        self.entries.append({"event": record.getMessage(), "log_level": level, **fields})


@contextmanager
def capture_logs() -> Iterator[list[dict[str, Any]]]:
    """Collect events of all levels: their names, levels and fields."""
    logger, handler = logging.getLogger("exporter"), _Collecting()
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        yield handler.entries
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
