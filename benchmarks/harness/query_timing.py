"""Asks several servers the same query in turn, and times them."""

import http.client
import statistics
import time
from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import orjson

from benchmarks.harness.contenders import Contender
from benchmarks.harness.processes import BenchmarkError
from benchmarks.harness.query_paths import instant_path, range_path

_TIMEOUT_S = 300.0
_LEAST_S = 10.0
_AGREE_RELATIVE = 1e-6


@dataclass(frozen=True, slots=True)
class TimedQuery:
    """A query to be timed.

    Attributes:
        key: its name in JSON.
        group: the ratio that it counts for.
        expression: PromQL.
        end_s: Unix seconds, the end of the range or the one time of evaluation.
        range_s, step_s: a range query's; a range of 0 is an instant query.
        gzip: whether the answer may be compressed.
        chooses: whether it picks series by their values, so that of equal ones either
            may be in the answer.
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
        """The request."""
        if not self.range_s:
            return instant_path(self.expression, self.end_s)
        return range_path(self.expression, self.end_s - self.range_s, self.end_s, self.step_s)


@dataclass(frozen=True, slots=True)
class Timing:
    """How one server answered one query.

    Attributes:
        median_ms: from the request to the last byte.
        cpu_ms: of the server, each time.
        size_bytes: of the body.
    """

    median_ms: float
    cpu_ms: float
    size_bytes: int


class Client:
    """One kept connection to a contender."""

    def __init__(self, contender: Contender) -> None:
        self.contender = contender
        self._headers = contender.headers()
        self._connection = http.client.HTTPConnection(contender.listen, timeout=_TIMEOUT_S)

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def get(self, path: str, *, gzip: bool = False) -> tuple[int, bytes]:
        """Return an answer's status and its body as it came."""
        encoding = {"Accept-Encoding": "gzip" if gzip else "identity"}
        self._connection.request("GET", path, headers={**self._headers, **encoding})
        answer = self._connection.getresponse()
        return answer.status, answer.read()

    def ask(self, query: TimedQuery) -> bytes:
        """Return the answer's body.

        Raises:
            BenchmarkError: it is none.
        """
        status, body = self.get(query.path, gzip=query.gzip)
        if status != http.client.OK:
            title = self.contender.title
            raise BenchmarkError(f"{title}: {query.expression}: {status} {body[:300]!r}")
        return body


@contextmanager
def connected(contender: Contender) -> Iterator[Client]:
    """Connect for the time of a `with` block."""
    with closing(Client(contender)) as client:
        yield client


def time_query(clients: Sequence[Client], query: TimedQuery, repeats: int) -> Mapping[str, Timing]:
    """Ask each server in turn; return its timing by contender's key.

    That is `repeats` times, and more while all together took less than `_LEAST_S`: a
    shared machine is twice as fast in one second as in the next, and a median of
    answers that all came in one of them says little.

    Raises:
        BenchmarkError: one does not answer, or they do not agree.
    """
    # Asked once before: caches are warm, as when a dashboard refreshes.
    sizes = {client.contender.key: len(client.ask(query)) for client in clients}
    used_before = {client.contender.key: client.contender.usage().cpu_s for client in clients}
    waits_s: dict[str, list[float]] = {client.contender.key: [] for client in clients}
    done, until_s = 0, time.perf_counter() + _LEAST_S
    while done < repeats or time.perf_counter() < until_s:
        done += 1
        for client in clients:
            begun_s = time.perf_counter()
            client.ask(query)
            waits_s[client.contender.key].append(time.perf_counter() - begun_s)
    return {
        client.contender.key: Timing(
            statistics.median(waits_s[client.contender.key]) * 1000,
            (client.contender.usage().cpu_s - used_before[client.contender.key]) * 1000 / done,
            sizes[client.contender.key],
        )
        for client in clients
    }


def ensure_agreement(clients: Sequence[Client], query: TimedQuery) -> int:
    """Return how many series the answer has, the same from all.

    Raises:
        BenchmarkError: they answer differently: nothing would be worth comparing.
    """
    plain = replace(query, gzip=False)
    answers = [orjson.loads(client.ask(plain))["data"]["result"] for client in clients]
    comparable = _by_time if query.chooses else _by_series
    expected = comparable(answers[0])
    for client, answer in zip(clients[1:], answers[1:], strict=True):
        if difference := _difference(expected, comparable(answer)):
            titles = f"{clients[0].contender.title} and {client.contender.title}"
            raise BenchmarkError(f"{titles} differ: {query.expression}: {difference}")
    return len(answers[0])


Comparable = Mapping[Hashable, Sequence[tuple[Hashable, float]]]
"""Numbers that must agree, in groups; each with what must be equal."""


def _by_series(result: Sequence[Any]) -> Comparable:
    return {
        frozenset(series["metric"].items()): [
            (time_s, float(text)) for time_s, text in _samples(series)
        ]
        for series in result
    }


def _by_time(result: Sequence[Any]) -> Comparable:
    values: dict[Hashable, list[float]] = {}
    for series in result:
        for time_s, text in _samples(series):
            values.setdefault(time_s, []).append(float(text))
    return {time_s: list(enumerate(sorted(each))) for time_s, each in values.items()}


def _samples(series: Any) -> Sequence[tuple[float, str]]:
    found: Sequence[tuple[float, str]] = series.get("values") or [series["value"]]
    return found


def _difference(one: Comparable, other: Comparable) -> str:
    if one.keys() != other.keys():
        return f"{len(one)} and {len(other)}, {len(one.keys() ^ other.keys())} in one only"
    for group, numbers in one.items():
        others = other[group]
        if [key for key, _ in numbers] != [key for key, _ in others]:
            return f"{group} has {len(numbers)} and {len(others)} samples"
        for (key, value), (_, wanted) in zip(numbers, others, strict=True):
            if abs(value - wanted) > _AGREE_RELATIVE * max(abs(value), abs(wanted)):
                return f"{group} at {key} is {value} and {wanted}"
    return ""
