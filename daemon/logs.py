"""Logging of the server: our events and the records of libraries, in one format.

Tracebacks show no values of local variables, which may be passwords and tokens.
"""

import logging
import sys
from typing import Literal

import structlog

from model.process.terminal_text import escape_controls

log = structlog.get_logger(__name__)

LogFormat = Literal["auto", "console", "json"]


class _MalformedRequests(logging.Filter):
    """Replaces aiohttp's log record of a malformed HTTP request by one line.

    aiohttp's record quotes the request, which may contain a token or a cookie, and has a
    traceback although nothing is wrong with the server.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        exc = record.exc_info[1] if record.exc_info else None
        if type(exc).__module__ != "aiohttp.http_exceptions":
            return True
        address = record.args[0] if isinstance(record.args, tuple) and record.args else None
        log.info("http_request_malformed", reason=type(exc).__name__, address=address)
        return False


def _escape_controls(
    _: object, __: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Make control characters visible, in values that quote other programs."""
    return {
        key: escape_controls(value) if isinstance(value, str) else value
        for key, value in event.items()
    }


def configure(level: str = "info", log_format: LogFormat = "auto") -> None:
    """Write log lines to standard error: as text ("console") or as JSON ("json").

    "auto" is text on a terminal and JSON elsewhere.
    """
    as_text = log_format == "console" or (log_format == "auto" and sys.stderr.isatty())
    renderer: structlog.typing.Processor
    if as_text:
        renderer = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
        exceptions: list[structlog.typing.Processor] = []
    else:
        renderer = structlog.processors.JSONRenderer()
        exceptions = [
            structlog.processors.ExceptionRenderer(
                structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
            )
        ]
    # Only text goes to a terminal as it is; JSON escapes control characters itself.
    escaping: list[structlog.typing.Processor] = [_escape_controls] if as_text else []
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *exceptions,
                *escaping,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.getLogger("aiohttp.server").filters[:] = [_MalformedRequests()]
    # Our own events and metrics already have the information of their info lines.
    for name in ("aiohttp.access", "apscheduler", "asyncio"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # It logs each failed attempt; our own lines report the first one and the last.
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
