"""A query, and a client that sends it to a contender."""

import http.client
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

from benchmarks.harness.contenders.contender import Contender
from benchmarks.harness.contenders.query_paths import instant_path, range_path
from benchmarks.harness.processes import BenchmarkError

_TIMEOUT_S = 300.0


@dataclass(frozen=True, slots=True)
class TimedQuery:
    """A query to time.

    Attributes:
        key: its name in JSON.
        group: the ratio that it counts for.
        expression: PromQL.
        end_s: the end of the range, or the time of an instant query; Unix seconds.
        range_s: the length of the range; 0 for an instant query.
        step_s: the step of a range query.
        gzip: whether the response may be compressed.
        chooses: whether it selects series by value, so that the servers may choose
            different ones of equal values.
    """

    key: str
    group: str
    expression: str
    end_s: float
    range_s: float = 0.0
    step_s: float = 60.0
    gzip: bool = False
    chooses: bool = False

    @property
    def path(self) -> str:
        """The path and parameters of the request."""
        if not self.range_s:
            return instant_path(self.expression, self.end_s)
        return range_path(self.expression, self.end_s - self.range_s, self.end_s, self.step_s)


class Client:
    """A persistent connection to a contender."""

    def __init__(self, contender: Contender) -> None:
        self.contender = contender
        self._headers = contender.headers()
        self._connection = http.client.HTTPConnection(contender.listen, timeout=_TIMEOUT_S)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def get(self, path: str, *, gzip: bool = False) -> tuple[int, bytes]:
        """Return the status and the body of a response, not decompressed."""
        encoding = {"Accept-Encoding": "gzip" if gzip else "identity"}
        self._connection.request("GET", path, headers={**self._headers, **encoding})
        answer = self._connection.getresponse()
        return answer.status, answer.read()

    def ask(self, query: TimedQuery) -> bytes:
        """Return the body of the response to a query.

        Raises:
            BenchmarkError: the status is not 200.
        """
        status, body = self.get(query.path, gzip=query.gzip)
        if status != http.client.OK:
            title = self.contender.title
            raise BenchmarkError(f"{title}: {query.expression}: {status} {body[:300]!r}")
        return body


@contextmanager
def connected(contender: Contender) -> Iterator[Client]:
    """Connect to a contender for a `with` block."""
    with closing(Client(contender)) as client:
        yield client
