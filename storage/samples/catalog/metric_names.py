"""Numbers for metric names."""

import threading
from collections.abc import Iterator


class MetricNames:
    """Assigns a number (the metric's code) to each metric name; valid until the process ends."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}
        self._names: list[str] = []
        self._lock = threading.Lock()

    def code(self, name: str) -> int:
        """Return the code of `name`; assign one on first use."""
        known = self._codes.get(name)
        if known is not None:
            return known
        with self._lock:
            if name not in self._codes:
                self._names.append(name)
                self._codes[name] = len(self._names) - 1
            return self._codes[name]

    def find(self, name: str) -> int | None:
        """Return the code of `name`, None if no layout has used it."""
        return self._codes.get(name)

    def name(self, code: int) -> str:
        """Return the name with this code."""
        return self._names[code]

    def __len__(self) -> int:
        return len(self._names)

    def __iter__(self) -> Iterator[tuple[int, str]]:
        return iter(list(enumerate(self._names)))
