"""Logging: structlog for ourselves, and other libraries' records through the same lines.

A traceback names places, never values: local variables hold passwords and tokens.
"""

import logging
import sys
from typing import Literal

import structlog

log = structlog.get_logger(__name__)

LogFormat = Literal["auto", "console", "json"]


class _MalformedRequests(logging.Filter):
    """Says in one line what aiohttp tells of bytes that are no HTTP request.

    It would quote them, and with them a token or a cookie, below a traceback that is
    nobody's fault here.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        exc = record.exc_info[1] if record.exc_info else None
        if type(exc).__module__ != "aiohttp.http_exceptions":
            return True
        address = record.args[0] if isinstance(record.args, tuple) and record.args else None
        log.info("http_request_malformed", reason=type(exc).__name__, address=address)
        return False


def configure(level: str = "info", log_format: LogFormat = "auto") -> None:
    """Send every log line to standard error, as text for people or JSON for machines.

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
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.getLogger("aiohttp.server").filters[:] = [_MalformedRequests()]
    # Their info lines tell what our own events and metrics already do.
    for name in ("aiohttp.access", "apscheduler", "asyncio", "apprise"):
        logging.getLogger(name).setLevel(logging.WARNING)
