"""Logging of an exporter that runs on its own."""

import logging
import sys

import structlog

from model.process.terminal_text import escape_controls


def _escape_controls(
    _: object, __: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Make control characters visible: a terminal must not obey the text of a file."""
    return {
        key: escape_controls(value) if isinstance(value, str) else value
        for key, value in event.items()
    }


def configure(log_format: str) -> None:
    """Write log lines to standard error, in the format "logfmt" or "json"."""
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if log_format == "json"
        else structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"])
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _escape_controls,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
    )
