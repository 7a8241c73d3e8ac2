"""Sends pushes to the server, oldest first, and decides which to send again."""

from __future__ import annotations

import http.client
import random
import ssl
import urllib.error
import urllib.request
from email.utils import parsedate_to_datetime
from enum import Enum, auto
from typing import Final, NamedTuple

from exporter.logs import Log
from exporter.pushing.push_queue import PushQueue, QueuedPush
from exporter.pushing.push_settings import PushServer
from model.clock import Clock, system_clock

log = Log(__name__)

# What the server will never accept: it is removed, so that it does not hold up later pushes.
_REFUSED: Final = frozenset({400, 409, 411, 413, 415, 422})
_FIRST_PAUSE_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 60.0
_LONGEST_RETRY_AFTER_S: Final = 300.0
_REASON_BYTES: Final = 500
# A clock that differs by more makes samples appear at a wrong time.
_CLOCK_TOLERANCE_S: Final = 60.0


class PushOutcome(Enum):
    """The outcome of a push."""

    ACCEPTED = auto()
    REFUSED = auto()
    LATER = auto()


class PushAnswer(NamedTuple):
    """The answer to a push; `retry_after_s` is 0 if the server does not say."""

    outcome: PushOutcome
    reason: str = ""
    retry_after_s: float = 0.0


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: it would send the key to another server."""

    def redirect_request(self, *_: object) -> None:
        return None


class QueueDelivery:
    """Sends the pushes of a queue.

    Args:
        server: where to send them, and with which key.
        clock: this host's clock, compared with the server's.
    """

    def __init__(self, server: PushServer, clock: Clock = system_clock) -> None:
        self._server, self._clock = server, clock
        handlers: list[type[_NoRedirect] | urllib.request.HTTPSHandler] = [_NoRedirect]
        if server.url.startswith("https:"):
            # Plain HTTP does not need the system's certificate authorities in memory.
            context = ssl.create_default_context()
            handlers.append(urllib.request.HTTPSHandler(context=context))
        self._opener = urllib.request.build_opener(*handlers)
        self._failure = ""
        self._failures = 0
        self._clock_is_wrong = False

    def drain(self, queue: PushQueue, *, wait: bool = False) -> float:
        """Send pushes until the queue is empty or the server is not ready for more.

        Args:
            queue: the queue.
            wait: whether to wait for another process that sends, instead of leaving it to that.

        Returns:
            How many seconds to wait before the next attempt; 0 if the queue is empty.
        """
        with queue.sending(wait=wait) as is_ours:
            if not is_ours:
                return _FIRST_PAUSE_S
            while (found := queue.oldest()) is not None:
                name, push = found
                answer = self.send(push)
                if answer.outcome is PushOutcome.LATER:
                    return self._failed(answer, len(queue))
                queue.remove(name)
                if answer.outcome is PushOutcome.REFUSED:
                    log.warning("push_refused", server=self._server.url, reason=answer.reason)
                self._succeeded(queue)
        return 0.0

    def send(self, push: QueuedPush) -> PushAnswer:
        """Send one push and return the answer."""
        headers = {**push.headers, "Authorization": f"Bearer {self._server.key}"}
        request = urllib.request.Request(  # noqa: S310 - PushServer allows http and https only.
            self._server.url, push.body, headers, method="POST"
        )
        try:
            with self._opener.open(request, timeout=self._server.timeout_s) as response:
                self._compare_clocks(response.headers.get("Date", ""))
                response.read(_REASON_BYTES)
            return PushAnswer(PushOutcome.ACCEPTED)
        except urllib.error.HTTPError as exc:
            with exc:
                self._compare_clocks(exc.headers.get("Date", ""))
                return _answer(exc)
        except (OSError, http.client.HTTPException) as exc:
            return PushAnswer(
                PushOutcome.LATER, str(getattr(exc, "reason", exc)) or type(exc).__name__
            )

    def _failed(self, answer: PushAnswer, waiting: int) -> float:
        """Log a failure with another reason; return the pause before the next attempt."""
        if answer.reason != self._failure:
            log.warning(
                "push_failed", server=self._server.url, reason=answer.reason, waiting=waiting
            )
        self._failure = answer.reason
        pause_s = min(_FIRST_PAUSE_S * 2**self._failures, _LONGEST_PAUSE_S)
        self._failures = min(self._failures + 1, 10)
        # Spread, so that many hosts do not return to a server that starts at the same moment.
        pause_s *= random.uniform(0.5, 1.0)  # noqa: S311 - no secret.
        return float(max(pause_s, min(answer.retry_after_s, _LONGEST_RETRY_AFTER_S)))

    def _succeeded(self, queue: PushQueue) -> None:
        if self._failures:
            log.info("push_resumed", server=self._server.url, waiting=len(queue))
        self._failure, self._failures = "", 0

    def _compare_clocks(self, date: str) -> None:
        try:
            server_s = parsedate_to_datetime(date).timestamp()
        except (TypeError, ValueError):
            return
        ahead_s = self._clock() / 1000 - server_s
        is_wrong = abs(ahead_s) > _CLOCK_TOLERANCE_S
        if is_wrong and not self._clock_is_wrong:
            log.warning("push_clock_differs", server=self._server.url, ahead_s=round(ahead_s))
        self._clock_is_wrong = is_wrong


def _answer(error: urllib.error.HTTPError) -> PushAnswer:
    try:
        text = error.read(_REASON_BYTES).decode("utf-8", "replace").strip()
    except (OSError, http.client.HTTPException):
        text = ""
    reason = f"status {error.code}: {text}" if text else f"status {error.code}"
    if error.code in _REFUSED:
        return PushAnswer(PushOutcome.REFUSED, reason)
    try:
        retry_after_s = float(error.headers.get("Retry-After", "0"))
    except ValueError:
        retry_after_s = 0.0
    return PushAnswer(PushOutcome.LATER, reason, max(0.0, retry_after_s))
