"""The reports over events: how long Redshank and PostgreSQL take, and whether they agree."""

import json
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode

from benchmarks.harness.contenders.servers import Redshank
from benchmarks.harness.events.event_history import FUNNEL, EventHistory
from benchmarks.harness.events.postgres import Postgres
from benchmarks.harness.loopback import fetch
from benchmarks.harness.processes import BenchmarkError

FUNNEL_REPORT: Final = "funnel"
_TIMES: Final = 5
_PEER_TIMES: Final = 2
_WINDOW_S: Final = 366 * 86_400
_PERSON: Final = "coalesce(user_id, anonymous_id)"

Rows = list[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class TimedReport:
    """One report in both systems.

    Attributes:
        key: its name in JSON.
        path: where Redshank answers it, with the query of a GET request.
        body: of a POST request; None for GET.
        statement: PostgreSQL's; "" if only Redshank answers it.
        rows: Redshank's answer in the form of PostgreSQL's rows.
    """

    key: str
    path: str
    body: dict[str, Any] | None
    statement: str
    rows: Callable[[Any], Rows]


def reports(history: EventHistory, project_key: str) -> list[TimedReport]:
    """Return the reports over all events."""
    moments = {"from": _iso(history.start_ms), "to": _iso(history.end_ms)}
    common = {"projectKey": project_key, **moments}
    where = (
        f"project_key = '{project_key}' and timestamp >= '{moments['from']}'"
        f" and timestamp < '{moments['to']}'"
    )
    return [
        TimedReport(
            "overview",
            "/v1/reports/overview?" + urlencode(common),
            None,
            f"select count(*), count(distinct {_PERSON}), count(distinct event_name)"
            f" from events where {where}",
            lambda found: [(found["totalEvents"], found["uniqueUsers"], found["uniqueEventNames"])],
        ),
        TimedReport(
            "top_events",
            "/v1/reports/top-events?" + urlencode({**common, "limit": 10}),
            None,
            f"select event_name, count(*), count(distinct {_PERSON}) from events where {where}"
            " group by event_name order by 2 desc limit 10",
            lambda found: [
                (one["eventName"], one["count"], one["uniqueUsers"]) for one in found["events"]
            ],
        ),
        TimedReport(
            "daily",
            "/v1/reports/events-timeseries?" + urlencode({**common, "interval": "day"}),
            None,
            f"select count(*), count(distinct {_PERSON}) from events where {where}"
            " group by date_trunc('day', timestamp at time zone 'UTC')"
            " order by date_trunc('day', timestamp at time zone 'UTC')",
            lambda found: [(one["count"], one["uniqueUsers"]) for one in found["series"]],
        ),
        TimedReport(
            FUNNEL_REPORT,
            "/v1/reports/funnel",
            {**common, "steps": FUNNEL, "windowSeconds": _WINDOW_S},
            _funnel_statement(where),
            lambda found: [tuple(step["users"] for step in found["steps"])],
        ),
        *_own_reports(common, project_key),
    ]


def _own_reports(common: dict[str, str], project_key: str) -> list[TimedReport]:
    """Return the reports that the replaced service does not have."""
    weeks = {"cohort": "week", "period": "week", "periods": 8}
    return [
        TimedReport(
            "retention",
            "/v1/reports/retention",
            {**common, **weeks, "startEvent": FUNNEL[0], "returnEvent": FUNNEL[0]},
            "",
            lambda found: [tuple(found)],
        ),
        TimedReport(
            "paths",
            "/v1/reports/paths",
            common,
            "",
            lambda found: [tuple(found)],
        ),
        TimedReport(
            "schema",
            f"/v1/projects/{project_key}/schema",
            None,
            "",
            lambda found: [tuple(found)],
        ),
    ]


def _funnel_statement(where: str) -> str:
    """Return the steps as the replaced service takes them: each after the first of the last."""
    tables, counts = [], []
    for number, name in enumerate(FUNNEL):
        of = f"event_name = '{name}' and {where}"
        if not number:
            select = f"select {_PERSON} as person, min(timestamp) as at from events where {of}"
            tables.append(f"s0 as materialized ({select} group by 1)")
        else:
            tables.append(
                f"s{number} as materialized (select p.person, min(e.timestamp) as at"
                f" from s{number - 1} p join events e on {_PERSON} = p.person"
                f" and e.timestamp > p.at where {of} group by 1)"
            )
        counts.append(f"(select count(*) from s{number})")
    return f"with {', '.join(tables)} select {', '.join(counts)}"


def ask(server: Redshank, report: TimedReport) -> Any:
    """Return Redshank's answer to a report."""
    body = None if report.body is None else json.dumps(report.body).encode()
    headers = {**server.headers(), "Content-Type": "application/json"}
    return json.loads(fetch(server.url + report.path, body, headers, timeout_s=600))


def time_report(server: Redshank, report: TimedReport) -> tuple[float, Rows]:
    """Return the median time of a report in Redshank, over HTTP, and its rows."""
    answer = ask(server, report)
    taken_s = []
    for _ in range(_TIMES):
        begun_s = time.perf_counter()
        answer = ask(server, report)
        taken_s.append(time.perf_counter() - begun_s)
    return statistics.median(taken_s), report.rows(answer)


def time_peer(server: Postgres, report: TimedReport) -> tuple[float, Rows]:
    """Return the shortest time of a report in PostgreSQL, and its rows."""
    taken_s, output = server.timed(report.statement, _PEER_TIMES)
    return taken_s, [tuple(line.split("|")) for line in output.splitlines()]


def require_agreement(report: TimedReport, own: Rows, peer: Rows) -> None:
    """Compare two answers.

    Raises:
        BenchmarkError: they differ.
    """
    # Redshank lists the last day once more if the range ends in it.
    shown = [tuple(map(str, row)) for row in own if any(row)]
    if shown != peer:
        raise BenchmarkError(
            f"{report.key}: Redshank answers {shown[:3]}..., PostgreSQL {peer[:3]}..."
        )


def _iso(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat().replace("+00:00", "Z")
