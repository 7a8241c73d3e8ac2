"""Checks that several servers answer a query alike."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson

from benchmarks.harness.measuring.query_client import Client, TimedQuery
from benchmarks.harness.processes import BenchmarkError

_AGREE_RELATIVE = 1e-6


def ensure_agreement(clients: Sequence[Client], query: TimedQuery) -> int:
    """Check that all servers answer a query alike; return the number of series.

    Raises:
        BenchmarkError: they answer differently, so that a comparison is worthless.
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
"""Groups of values that must agree to 1e-6, each with a key that must be equal."""


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
