"""The request limit of a web configuration: one bucket for all clients."""

from __future__ import annotations

import threading
import time

from model.web_config.settings import WebConfig


class RequestRate:
    """Counts requests against `rate_limit`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left: float | None = None
        self._filled_s = 0.0

    def allows(self, config: WebConfig) -> bool:
        """Return whether one more request is within the limit, and count it."""
        if not config.rate_interval_s:
            return True
        with self._lock:
            now_s = time.monotonic()
            gained = (now_s - self._filled_s) / config.rate_interval_s
            left = config.rate_burst if self._left is None else self._left + gained
            self._left, self._filled_s = min(config.rate_burst, left), now_s
            if self._left < 1:
                return False
            self._left -= 1
            return True
