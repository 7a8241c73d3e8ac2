"""Log lines of an exporter: an event and its fields, as logfmt or JSON.

Not structlog, which the server uses: it loads asyncio, together a quarter of the memory that
an exporter has resident.
"""

from __future__ import annotations

import logging
import sys
from datetime import datetime, timezone

from model.process.terminal_text import escape_controls

_ROOT = "exporter"


class Log:
    """Writes the events of one module; its fields are attributes of the log record."""

    def __init__(self, module: str) -> None:
        self._logger = logging.getLogger(module)

    def debug(self, event: str, **fields: object) -> None:
        """Log what only a developer would act on."""
        self._write(logging.DEBUG, event, fields)

    def info(self, event: str, **fields: object) -> None:
        """Log a change that an operator may want to know of."""
        self._write(logging.INFO, event, fields)

    def warning(self, event: str, **fields: object) -> None:
        """Log what an operator should act on."""
        self._write(logging.WARNING, event, fields)

    def defect(self, event: str, error: BaseException | None, **fields: object) -> None:
        """Log a mistake in our own code with its traceback."""
        self._write(logging.ERROR, event, fields, error)

    def _write(
        self,
        level: int,
        event: str,
        fields: dict[str, object],
        error: BaseException | None = None,
    ) -> None:
        self._logger.log(level, event, extra={"fields": fields}, exc_info=error)


class LineFormatter(logging.Formatter):
    """Formats a record as one line.

    Args:
        as_json: whether as a JSON object, else as logfmt.
    """

    def __init__(self, *, as_json: bool) -> None:
        super().__init__()
        self._as_json = as_json

    def format(self, record: logging.LogRecord) -> str:
        """Return the line. Control characters are visible: a terminal must not obey a file."""
        fields = {
            "timestamp": datetime.fromtimestamp(record.created, timezone.utc).isoformat(),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        shown = {
            key: escape_controls(value) if isinstance(value, str) else value
            for key, value in fields.items()
        }
        if self._as_json:
            import json

            return json.dumps(shown, default=str)
        return " ".join(f"{key}={_quoted(str(value))}" for key, value in shown.items())


def configure(log_format: str, log_level: str = "info") -> None:
    """Write log lines of a level and above to standard error, as "logfmt" or "json"."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter(as_json=log_format == "json"))
    logger = logging.getLogger(_ROOT)
    logger.handlers[:] = [handler]
    logger.setLevel(log_level.upper())
    logger.propagate = False


def _quoted(text: str) -> str:
    """Return a value of logfmt, in quotes if it would not end where it should."""
    if text and not any(character in text for character in ' ="\n'):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
