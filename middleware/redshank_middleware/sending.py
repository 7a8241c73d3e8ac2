"""Sends batches to the server over one connection that stays open."""

import http.client
import json
from dataclasses import dataclass
from typing import Any, Final

from redshank_middleware.settings import ReporterSettings

_PATH: Final = "/api/v1/track/batch"
_LARGEST_ANSWER_BYTES: Final = 2**22
_LATER: Final = frozenset({401, 403, 404, 408, 425, 429})
"""Refusals that end by themselves or by the administrator: a new key, a started server."""


@dataclass(frozen=True)
class BatchAnswer:
    """The outcome of a batch.

    Attributes:
        is_final: whether the server has answered for good; else send the batch again.
        refused: the number of requests that the server has not stored.
        problem: why the batch or a part of it was not stored, "" if it was.
        retry_after_s: the pause for which the server asks.
    """

    is_final: bool
    refused: int = 0
    problem: str = ""
    retry_after_s: float = 0.0


class BatchSender:
    """One connection to the server; used by one thread."""

    def __init__(self, settings: ReporterSettings) -> None:
        self._settings = settings
        self._connection: http.client.HTTPConnection | None = None

    def send(self, body: bytes, size: int) -> BatchAnswer:
        """Send a batch of `size` requests."""
        # The server may have closed the connection since the last batch; a fresh one tells.
        was_open = self._connection is not None
        try:
            return self._exchange(body, size)
        except (OSError, http.client.HTTPException) as exc:
            self.close()
            if not was_open or isinstance(exc, TimeoutError):
                return BatchAnswer(is_final=False, problem=_reason(exc))
        try:
            return self._exchange(body, size)
        except (OSError, http.client.HTTPException) as exc:
            self.close()
            return BatchAnswer(is_final=False, problem=_reason(exc))

    def close(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _exchange(self, body: bytes, size: int) -> BatchAnswer:
        connection = self._connection or self._connect()
        self._connection = connection
        headers = {
            "Content-Type": "application/json",
            "Content-Encoding": "gzip",
            "X-API-Key": self._settings.api_key,
            "User-Agent": "redshank-middleware",
        }
        connection.request("POST", self._settings.address.path.rstrip("/") + _PATH, body, headers)
        response = connection.getresponse()
        answer = response.read(_LARGEST_ANSWER_BYTES)
        if response.will_close or len(answer) == _LARGEST_ANSWER_BYTES:
            self.close()
        return _answer_of(response.status, answer, response.headers.get("Retry-After"), size)

    def _connect(self) -> http.client.HTTPConnection:
        address, timeout_s = self._settings.address, self._settings.timeout_s
        kind = (
            http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
        )
        return kind(address.hostname or "", address.port, timeout=timeout_s)


def _answer_of(status: int, answer: bytes, retry_after: str | None, size: int) -> BatchAnswer:
    if 200 <= status < 300:
        errors = _errors(answer)
        if not errors:
            return BatchAnswer(is_final=True)
        return BatchAnswer(
            is_final=True,
            refused=min(len(errors), size),
            problem=f"the server refused some: {errors[0]}",
        )
    problem = f"the server answered {status}: {answer[:200].decode('utf-8', 'replace')}"
    if status >= 500 or status in _LATER or 300 <= status < 400:
        return BatchAnswer(is_final=False, problem=problem, retry_after_s=_seconds(retry_after))
    return BatchAnswer(is_final=True, refused=size, problem=problem)


def _errors(answer: bytes) -> list[Any]:
    try:
        errors = json.loads(answer)["errors"]
    except (ValueError, KeyError, TypeError):
        return []
    return errors if isinstance(errors, list) else []


def _seconds(retry_after: str | None) -> float:
    # The other form, a date, needs equal clocks.
    return (
        float(retry_after)
        if retry_after and retry_after.isascii() and retry_after.isdigit()
        else 0.0
    )


def _reason(exc: Exception) -> str:
    return f"{type(exc).__name__}: {exc}" if str(exc) else type(exc).__name__
