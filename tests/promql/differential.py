"""Compares random queries with a real Prometheus 3 over the same samples.

`python -m tests.promql.differential --queries 16000 --mutations 16000` prints each difference
that `KNOWN` does not name, and how many there are of each kind. It needs `prometheus` and
`promtool` 3.5 or later first in PATH.
"""

import argparse
import http.client
import json
import math
import re
import sys
import tempfile
import urllib.parse
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from random import Random
from typing import Any, Final

from promql.api import (
    EvaluationError,
    ExpressionTypeError,
    ParseError,
    PromQLError,
)
from promql.engine import EngineSettings, LocalEngine
from tests.promql.peer import openmetrics, running
from tests.promql.random_queries import QueryGenerator
from tests.promql.random_samples import BASE_MS, samples
from tests.promqltest.store import MemoryStore
from web.prometheus.encoding import encode_value

FEATURES: Final = "promql-experimental-functions,promql-duration-expr"
_RELATIVE: Final = 1e-9
_RELATIVE_OF_DIFFERENCES: Final = 1e-6
_DIFFERENCES: Final = re.compile("stddev|stdvar|deriv|predict_linear")


@dataclass(frozen=True, slots=True)
class Times:
    """The time of an instant query, or the start, end and step of a range query."""

    start_ms: int
    end_ms: int
    step_ms: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """One server's answer: its status, its data, its error and its annotations."""

    status: int
    data: Any = None
    error: str = ""
    annotations: frozenset[str] = frozenset()


class OurServer:
    """The engine, answering as the HTTP API does."""

    def __init__(self, engine: LocalEngine) -> None:
        self._engine = engine

    def outcome(self, query: str, times: Times) -> Outcome:
        """Return the answer to a query."""
        try:
            if times.step_ms:
                answer = self._engine.range_blocking(
                    query, times.start_ms, times.end_ms, times.step_ms
                )
            else:
                answer = self._engine.instant_blocking(query, times.start_ms)
        except (ParseError, ExpressionTypeError) as exc:
            return Outcome(HTTPStatus.BAD_REQUEST, error=f'invalid parameter "query": {exc}')
        except EvaluationError as exc:
            return Outcome(HTTPStatus.UNPROCESSABLE_ENTITY, error=str(exc))
        except PromQLError as exc:
            return Outcome(HTTPStatus.SERVICE_UNAVAILABLE, error=str(exc))
        notes = (*answer.annotations.warnings, *answer.annotations.infos)
        return Outcome(
            HTTPStatus.OK, json.loads(encode_value(answer.value)), annotations=frozenset(notes)
        )


class PeerServer:
    """A running Prometheus, over one kept connection."""

    def __init__(self, url: str) -> None:
        self._connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc)

    def outcome(self, query: str, times: Times) -> Outcome:
        """Return the answer to a query."""
        form = {"query": query}
        if times.step_ms:
            path = "/api/v1/query_range"
            form |= {
                "start": str(times.start_ms / 1000),
                "end": str(times.end_ms / 1000),
                "step": str(times.step_ms / 1000),
            }
        else:
            path = "/api/v1/query"
            form |= {"time": str(times.start_ms / 1000)}
        body = urllib.parse.urlencode(form, errors="surrogateescape")
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        self._connection.request("POST", path, body, headers)
        response = self._connection.getresponse()
        document = json.loads(response.read().decode(errors="replace"))
        return Outcome(
            response.status,
            document.get("data"),
            document.get("error", ""),
            frozenset((*document.get("warnings", ()), *document.get("infos", ()))),
        )

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


@contextmanager
def servers(
    directory: Path,
    settings: EngineSettings | None = None,
    store: MemoryStore | None = None,
    features: str = FEATURES,
) -> Iterator[tuple[OurServer, PeerServer]]:
    """Yield our server and a real Prometheus, over the same samples."""
    store = store or samples()
    engine = LocalEngine(store.reader, settings)
    text = openmetrics(store.select((), 0, 2**60))
    with running(directory, text, features) as prometheus:
        peer = PeerServer(prometheus.url)
        yield OurServer(engine), peer
        peer.close()
    engine.close_blocking()


def times_of(random: Random) -> Times:
    """Return an instant, or a range with a step that sometimes meets samples."""
    if random.random() < 0.4:
        return Times(BASE_MS + random.choice((900_000, 1_234_567, 600_000, 1_790_000)), 0)
    start_ms = BASE_MS + random.choice((0, 60_000, 303_123, 600_000))
    step_ms = random.choice((15_000, 60_000, 37_000, 120_000, 411_000))
    return Times(start_ms, start_ms + step_ms * random.choice((3, 8, 15)), step_ms)


def same_data(ours: Any, theirs: Any, query: str) -> bool:
    """Return whether two answers have the same series, times and values."""
    if ours["resultType"] != theirs["resultType"]:
        return False
    left, right = ours["result"], theirs["result"]
    # Variances and slopes are differences of large numbers.
    relative = _RELATIVE_OF_DIFFERENCES if _DIFFERENCES.search(query) else _RELATIVE
    if ours["resultType"] == "scalar":
        return _same_samples([left], [right], relative)
    if ours["resultType"] == "string":
        return bool(left == right)
    if len(left) != len(right):
        return False
    ordered = query.startswith("sort") or ours["resultType"] == "matrix"
    if not ordered:
        left, right = sorted(left, key=_labels_key), sorted(right, key=_labels_key)
    return all(
        mine["metric"] == other["metric"]
        and _same_samples(
            mine.get("values", [mine.get("value")]),
            other.get("values", [other.get("value")]),
            relative,
        )
        for mine, other in zip(left, right, strict=True)
    )


def _labels_key(series: Any) -> list[tuple[str, str]]:
    return sorted(series["metric"].items())


def _same_samples(ours: Sequence[Any], theirs: Sequence[Any], relative: float) -> bool:
    return len(ours) == len(theirs) and all(
        mine[0] == other[0] and _close(mine[1], other[1], relative)
        for mine, other in zip(ours, theirs, strict=True)
    )


def _close(mine: str, other: str, relative: float) -> bool:
    if mine == other:
        return True
    left, right = float(mine), float(other)
    return math.isclose(left, right, rel_tol=relative, abs_tol=1e-12)


@dataclass(frozen=True, slots=True)
class Difference:
    """A query that the two servers answer differently; `part` says in what."""

    part: str
    query: str
    times: Times
    ours: Outcome
    theirs: Outcome


def _in_data(pattern: str) -> Callable[[Difference], bool]:
    found = re.compile(pattern)
    return lambda each: each.part == "data" and found.search(each.query) is not None


def _errors(ours: str, theirs: str) -> Callable[[Difference], bool]:
    """Match errors by a pattern for each side."""
    mine, other = re.compile(ours), re.compile(theirs)
    return lambda each: (
        each.part in ("error", "status")
        and mine.search(each.ours.error) is not None
        and other.search(each.theirs.error) is not None
    )


_CALENDAR: Final = r"\b(day_of_(week|month|year)|days_in_month|hour|minute|month|year)\("

KNOWN: Final[dict[str, Callable[[Difference], bool]]] = {
    # docs/promql.md, "Where we differ", explains these.
    "the calendar of NaN and of times without a year": _in_data(_CALENDAR),
    "histogram_fraction below the lowest bound": _in_data(r"\bhistogram_fraction\("),
    "mad_over_time of NaN": _in_data(r"\bmad_over_time\("),
    "which series limitk and limit_ratio keep": lambda each: (
        # Of some series, the rest of the query makes duplicates.
        each.part in ("data", "status") and re.search("limitk|limit_ratio", each.query) is not None
    ),
    "the timestamp of a selector with @ and an offset": _in_data(
        r"\btimestamp\(.*(@.*offset|offset.*@)"
    ),
    "which of equal values topk and bottomk keep": _in_data(r"\b(topk|bottomk)\b"),
    "a last digit that a far prediction, a remainder or a tangent multiplies": _in_data(
        r"\bpredict_linear\b|%|\b(sin|cos|tan)\("
    ),
    "a last digit that a function of changes or a comparison sees": _in_data(
        r"\b(stddev|stdvar|avg|sum|deriv)\w*\b.*(\[[^]]*:|[=!<>])"
    ),
    "absent with several matchers of one label": _in_data(r"\babsent(_over_time)?\("),
    "the order of equal values": _in_data(r"^\(*sort"),
    "last digits in the labels of count_values": _in_data(r"\bcount_values\b"),
    "offset -(…) ends with the parenthesis": lambda each: (
        re.search(r"offset\s*[-+]\s*\(", each.query) is not None
    ),
    "which duplicate series an error names": _errors(
        "^found duplicate series for the match group", "^found duplicate series"
    ),
    "a letter is no colon": _errors("", 'unexpected colon|unexpected "[a-zA-Z_]" in subquery'),
    "any letter is a colon": lambda each: (
        each.part == "status"
        and re.search("unexpected character: '[a-zA-Z_]', expected ':'", each.ours.error)
        is not None
    ),
    "commas in durations": _errors("", "unexpected character in duration expression: ','"),
    "@ has a name": _errors("<op:@>", '<Item [0-9]+> *"? *<op:@>|<Item'),
    "Prometheus's parser fails": _errors("parse error", "unexpected error"),
    "</ and >/ are operators": _errors("<op:[<>]/>", "<op:"),
    "an error at inner steps that no window contains": lambda each: (
        each.part == "status"
        and re.search(r"\[[^]]*:", each.query) is not None
        and each.ours.status == HTTPStatus.OK
        and each.theirs.status == HTTPStatus.UNPROCESSABLE_ENTITY
    ),
    "a string in parentheses": _errors("", "unexpected result in StepInvariantExpr"),
    "many series that a comparison filters": _errors(
        "^multiple matches for labels: many-to-one matching must be explicit", ""
    ),
    "which ten annotations are shown": lambda each: "omitted" in "".join(each.theirs.annotations),
    "the position of a constant parameter": lambda each: (
        each.part == "annotations" and re.search(r"quantile\w*\((\(|\w+\()", each.query) is not None
    ),
    "the position of a subquery": lambda each: (
        each.part == "annotations"
        and re.search(r"(rate|increase)\(.*\[[^]]*:", each.query) is not None
    ),
    "a parameter that is NaN": _errors("value is NaN", "is NaN|overflows int64"),
}
"""The differences that are meant, by name."""


def compared(ours: Outcome, theirs: Outcome, query: str, times: Times) -> Difference | None:
    """Return the difference between two answers, None if they are the same."""
    part = ""
    if ours.status != theirs.status:
        part = "status"
    elif ours.status != HTTPStatus.OK:
        part = "error" if ours.error != theirs.error else ""
    elif not same_data(ours.data, theirs.data, query):
        part = "data"
    elif _comparable(ours) != _comparable(theirs):
        part = "annotations"
    return Difference(part, query, times, ours, theirs) if part else None


def _comparable(outcome: Outcome) -> set[str]:
    """Return the annotations without what is meant to differ.

    Prometheus 3.5 names a dropped metric `""`, sometimes beside the name, and does not warn
    of sorting in a range query.
    """
    texts = {each for each in outcome.annotations if "sort is ineffective" not in each}
    plain = {each.replace(' for metric name ""', "") for each in texts}
    named = {each for each in plain if " for metric name " in each}
    return plain - {re.sub(' for metric name "[^"]+"', "", each) for each in named}


def name_of(difference: Difference) -> str:
    """Return the name of a known difference, "" if it is not known."""
    return next((name for name, holds in KNOWN.items() if holds(difference)), "")


def outcomes(
    both: tuple[OurServer, PeerServer], queries: int, seed: int, *, mutate: bool = False
) -> Iterator[tuple[str, Times, Outcome, Outcome]]:
    """Yield random queries, their times, and the answers of both servers."""
    generator = QueryGenerator(seed, (BASE_MS + 900_000) // 1000)
    random = Random(seed)
    ours, theirs = both
    for _ in range(queries):
        query, times = generator.query(), times_of(random)
        if mutate:
            query = generator.mutated(query)
        yield query, times, ours.outcome(query, times), theirs.outcome(query, times)


def main() -> None:
    """Compare as many queries as asked for and print what differs."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--queries", type=int, default=1_000)
    arguments.add_argument("--mutations", type=int, default=1_000)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--show", type=int, default=40)
    arguments.add_argument("--delayed", action="store_true", help="remove names at the end")
    given = arguments.parse_args()
    with (
        tempfile.TemporaryDirectory() as directory,
        servers(
            Path(directory),
            EngineSettings(timeout_s=30, delayed_name_removal=given.delayed),
            features=FEATURES + (",promql-delayed-name-removal" if given.delayed else ""),
        ) as both,
    ):
        for title, count, mutate in (
            ("queries", given.queries, False),
            ("mutated queries", given.mutations, True),
        ):
            tally: Counter[str] = Counter()
            rejected = equal = 0
            for each in outcomes(both, count, given.seed, mutate=mutate):
                query, times, ours, theirs = each
                found = compared(ours, theirs, query, times)
                if HTTPStatus.BAD_REQUEST in (ours.status, theirs.status):
                    rejected += 1
                    equal += found is None
                if found is None:
                    continue
                known = name_of(found)
                tally[known or found.part] += 1
                if not known and tally[found.part] <= given.show:
                    _show(found)
            _write(f"{count} {title}, {rejected} with parse errors, {equal} of these equal")
            for name, number in tally.most_common():
                _write(f"  {number} {name}")


def _write(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _show(each: Difference) -> None:
    _write(f"{each.part}: {each.query}\n  {each.times}")
    for side, outcome in (("ours", each.ours), ("theirs", each.theirs)):
        shown = outcome.error or (
            sorted(outcome.annotations) if each.part == "annotations" else outcome.data
        )
        _write(f"  {side}: {outcome.status} {str(shown)[:600]}")


if __name__ == "__main__":
    main()
