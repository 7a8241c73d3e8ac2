"""Events and tracked requests that are sent while a server is killed, and what it stored of them.

Every event has an id and is sent again until it is acknowledged, as SDKs do. A request has
none and is sent once.
"""

import json
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

from benchmarks.harness.load.repetition import repeated
from benchmarks.harness.loopback import fetch

_EVENTS_PATH: Final = "/v1/events/batch"
_REQUESTS_PATH: Final = "/api/v1/track/batch"
_EVENT_SENDERS: Final = 2
_REQUEST_SENDERS: Final = 1
_BATCH: Final = 20
_PAUSE_S: Final = 0.005
_TIMEOUT_S: Final = 10.0


class NumberedTraffic:
    """Numbered items in batches; thread-safe.

    Attributes:
        sent, acknowledged: numbers.
    """

    def __init__(self, path: str, repeats: bool) -> None:
        self.path, self._repeats = path, repeats
        self.sent: set[int] = set()
        self.acknowledged: set[int] = set()
        self._again: list[list[int]] = []
        self._lock = threading.Lock()

    def next_batch(self) -> list[int]:
        """Return the numbers of a batch: of one that was not acknowledged, or new ones."""
        with self._lock:
            if self._again:
                return self._again.pop()
            first = len(self.sent)
            numbers = list(range(first, first + _BATCH))
            self.sent.update(numbers)
            return numbers

    def send(self, url: str, headers: Mapping[str, str], body: Mapping[str, Any], key: str) -> None:
        """Send the next batch; `key` is the member of the body that has the items."""
        numbers = self.next_batch()
        items = [item(key, number) for number in numbers]
        data = json.dumps({**body, key: items}).encode()
        try:
            fetch(url + self.path, data, headers, timeout_s=_TIMEOUT_S)
        except OSError:
            if self._repeats:
                with self._lock:
                    self._again.append(numbers)
            return
        with self._lock:
            self.acknowledged.update(numbers)


def item(key: str, number: int) -> dict[str, Any]:
    """Return an event or a request with a number."""
    if key == "events":
        person = f"person-{number % 50}"
        properties = {"number": number}
        return {
            "eventName": f"event-{number % 7}",
            "anonymousId": person,
            "eventId": f"id-{number}",
            "properties": properties,
        }
    return {
        "method": "GET",
        "path": f"/items/{number}",
        "route": "/items/{id}",
        "status_code": 200,
        "response_time_ms": number % 300,
    }


class EventTraffic:
    """What is sent to one project."""

    def __init__(self, project: str, key: str) -> None:
        self._project, self._key = project, key
        self.events = NumberedTraffic(_EVENTS_PATH, repeats=True)
        self.requests = NumberedTraffic(_REQUESTS_PATH, repeats=False)

    @classmethod
    def created(cls, url: str, headers: Mapping[str, str]) -> "EventTraffic":
        """Create a project and a key for it."""
        headers = {**headers, "Content-Type": "application/json"}
        made = json.loads(fetch(f"{url}/v1/projects", b'{"name":"crash"}', headers))
        project = made["projectKey"]
        path = f"{url}/api/v1/projects/{project}/api-keys/"
        issued = json.loads(fetch(path, b'{"name":"crash"}', headers))
        return cls(project, issued["api_key"])

    @contextmanager
    def sending(self, url: str) -> Iterator[None]:
        """Send batches over several connections while a `with` block runs."""
        json_type = {"Content-Type": "application/json"}

        def send_events() -> None:
            self.events.send(url, json_type, {"projectKey": self._project}, "events")

        def send_requests() -> None:
            self.requests.send(url, {**json_type, "X-API-Key": self._key}, {}, "requests")

        with ExitStack() as stack:
            for _ in range(_EVENT_SENDERS):
                stack.enter_context(repeated(send_events, _PAUSE_S))
            for _ in range(_REQUEST_SENDERS):
                stack.enter_context(repeated(send_requests, _PAUSE_S))
            yield

    def problems(self, file: Path) -> list[str]:
        """Compare a store that no server has open with what was sent and acknowledged."""
        import duckdb

        connection = duckdb.connect(str(file), read_only=True)
        try:
            events = connection.execute(
                "select cast(properties->>'number' as bigint) from events"
            ).fetchall()
            requests = connection.execute(
                "select cast(regexp_extract(path, '[0-9]+') as bigint) from requests"
            ).fetchall()
        finally:
            connection.close()
        return [
            *compare_numbers("event", self.events, Counter(number for (number,) in events)),
            *compare_numbers("request", self.requests, Counter(number for (number,) in requests)),
        ]


def compare_numbers(name: str, traffic: NumberedTraffic, stored: Counter[int]) -> list[str]:
    """Return a sentence for each acknowledged item that is lost, and for each odd one."""
    lost = sorted(traffic.acknowledged - stored.keys())
    twice = sorted(number for number, count in stored.items() if count > 1)
    unknown = sorted(stored.keys() - traffic.sent)
    return [
        *(f"acknowledged {name} {number} is lost" for number in lost),
        *(f"{name} {number} is stored {stored[number]} times" for number in twice),
        *(f"{name} {number} was never sent" for number in unknown),
    ]
