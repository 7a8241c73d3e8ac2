"""Every request of Prometheus's HTTP API, answered by Debian's Prometheus 2.42 and by us.

Both scrape the same target and evaluate the same rules. Status code, content type and the
whole body must be equal, but for the order of a vector and what depends on the moment;
`CHANGED` names what Prometheus 3, whose API ours is, says otherwise.
"""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.ports import free_port
from tests.programs import program
from tests.system.processes import redshank_server, running, until

pytestmark = [pytest.mark.peer, pytest.mark.asyncio(loop_scope="module")]

EXPOSITION = r"""
# HELP temperature_celsius What it is "now", in C:\\temp.
# TYPE temperature_celsius gauge
temperature_celsius{room="kitchen"} 21.5
temperature_celsius{room="ba\"th\\\n"} -0.000001
temperature_celsius{room="<höhle>"} 1e+21
# HELP visits_total Visits.
# TYPE visits_total counter
visits_total{path="/"} 1027
visits_total{path="/a"} 3e-7
# TYPE wait_seconds histogram
wait_seconds_bucket{le="0.1"} 1
wait_seconds_bucket{le="0.5"} 3
wait_seconds_bucket{le="+Inf"} 4
wait_seconds_sum 5.25
wait_seconds_count 4
# TYPE odd_values untyped
odd_values{which="nan"} NaN
odd_values{which="infinite"} +Inf
odd_values{which="negative"} -Inf
odd_values{which="large"} 123456789012345680000
odd_values{which="exact"} 9007199254740993
"""

RULES = {
    "groups": [
        {
            "name": "example",
            "interval": "1s",
            "limit": 7,
            "rules": [
                {
                    "record": "visits:sum",
                    "expr": "sum(visits_total)",
                    "labels": {"kind": "recorded"},
                },
                {
                    "alert": "Warm",
                    "expr": "temperature_celsius > 20",
                    "for": "1h",
                    "labels": {"severity": "warning"},
                    "annotations": {"summary": "{{ $labels.room }} at {{ $value }}"},
                },
                {"alert": "Quiet", "expr": "temperature_celsius < -300"},
            ],
        }
    ]
}

Parameters = Sequence[tuple[str, str]]
"""`TIME` in a value stands for the time at which both are asked."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One request; a form is sent as such, parameters in the URL."""

    path: str
    parameters: Parameters = ()
    form: Parameters | None = None

    def __str__(self) -> str:
        sent = [f"{name}={value}" for name, value in (*self.parameters, *(self.form or ()))]
        return f"{'POST' if self.form is not None else 'GET'} {self.path}?{'&'.join(sent)}"


def ask(path: str, *parameters: tuple[str, str], **more: str) -> Ask:
    """Return a GET of the API."""
    return Ask(f"/api/v1/{path}", (*parameters, *more.items()))


def form(path: str, *parameters: tuple[str, str], **more: str) -> Ask:
    """Return a POST of the API."""
    return Ask(f"/api/v1/{path}", (), (*parameters, *more.items()))


JOB = ("match[]", '{job="peer"}')
ROOMS = ("match[]", "temperature_celsius")
WINDOW = {"start": "TIME", "end": "TIME", "step": "1"}

QUERIES = [
    "1",
    "1 + 1",
    '"text"',
    "temperature_celsius",
    "odd_values",
    "-visits_total",
    "visits_total / 0",
    "visits_total / 3",
    "{__name__=~'.+_total',job='peer'}",
    "nothing_of_this_name",
    "sum(visits_total)",
    "sum by (path) (visits_total)",
    "histogram_quantile(0.9, wait_seconds_bucket)",
    "count_values('v', visits_total)",
    "time() - time()",
    "vector(1)",
    "scalar(nothing)",
    "topk(1, visits_total)",
    "sort_desc(visits_total)",
    "absent(nothing{a='b'})",
    "label_replace(visits_total, 'a', '$1', 'path', '/(.*)')",
    "temperature_celsius @ TIME",
    "temperature_celsius offset 1h",
    # Refused by both, in the same words.
    "",
    "sum(",
    "sum(visits_total",
    "visits_total[",
    "visits_total{",
    'visits_total{path="',
    "visits_total{path=}",
    "visits_total[5q]",
    "foo bar",
    "1 +",
    "no_such_function(1)",
    "rate(visits_total)",
    "sum(1)",
    "{}",
    '{a=~"("}',
    "visits_total offset",
    "1 and 1",
    "1 == 2",
    "visits_total == bool",
    "'",
    "\\",
    "# nothing but a comment",
    "visits_total + on (path) group_left (path) visits_total",
    "label_replace(visits_total, 'a', '', 'path', '(')",
    "quantile(2, visits_total)",
]
ASKED = [
    *(ask("query", query=query, time="TIME") for query in QUERIES),
    *(ask("query_range", query=query, **WINDOW) for query in QUERIES),
    ask("query_range", query="visits_total[5m]", **WINDOW),
    form("query", query="visits_total", time="TIME"),
    form("query", query="visits_total", time="TIME", timeout="10s"),
    form("query_range", query="visits_total", **WINDOW),
    Ask("/api/v1/query", (("query", "1"), ("time", "5")), (("query", "2"),)),
    ask("query", query="1", time="1.5"),
    ask("query", query="1", time="1e3"),
    ask("query", query="1", time="-1"),
    ask("query", query="1", time="1970-01-01T00:00:01.5+01:00"),
    ask("query", query="1", time="1970-01-01"),
    ask("query", query="1", time="now"),
    ask("query", query="1", time="TIME", timeout="x"),
    ask("query", query="1", time="TIME", timeout="-5s"),
    ask("query", time="TIME"),
    ask("query_range", query="1"),
    ask("query_range", query="1", start="0"),
    ask("query_range", query="1", start="x", end="1", step="1"),
    ask("query_range", query="1", start="0", end="x", step="1"),
    ask("query_range", query="1", start="0", end="1"),
    ask("query_range", query="1", start="0", end="1", step="x"),
    ask("query_range", query="1", start="0", end="1", step="0"),
    ask("query_range", query="1", start="0", end="1", step="-1"),
    ask("query_range", query="1", start="0", end="1", step="1e300"),
    ask("query_range", query="1", start="0", end="10", step="2s"),
    ask("query_range", query="1", start="0", end="0.3", step="100ms"),
    ask("query_range", query="1", start="2", end="1", step="1"),
    ask("query_range", query="1", start="0", end="11000", step="1"),
    ask("query_range", query="1", start="0", end="11001", step="1"),
    ask("query_range", query="'text'", **WINDOW),
    ask("query_range", query="sum(", start="0", end="1", step="1", timeout="x"),
    ask("series"),
    ask("series", JOB),
    ask("series", ROOMS, ("match[]", "up")),
    ask("series", ROOMS, ROOMS),
    ask("series", ROOMS, start="0", end="1"),
    ask("series", ("match[]", "{}")),
    ask("series", ("match[]", "{a=~'.*'}")),
    ask("series", ("match[]", "sum(up)")),
    ask("series", ("match[]", "")),
    ask("series", ROOMS, start="x"),
    ask("series", ROOMS, end="x"),
    form("series", ROOMS),
    form("series"),
    ask("labels", JOB),
    ask("labels", JOB, start="0", end="1"),
    ask("labels", ("match[]", "{")),
    ask("labels", ("match[]", "{}")),
    ask("labels", start="x"),
    form("labels", JOB),
    ask("labels", start="2", end="1"),
    ask("series", ROOMS, start="2", end="1"),
    ask("label/room/values", start="2", end="1"),
    ask("label/room/values"),
    ask("label/room/values", ("match[]", "visits_total")),
    ask("label/__name__/values", JOB),
    ask("label/nothing/values"),
    ask("label/room/values", ("match[]", "{")),
    ask("label/room/values", ("match[]", "{}")),
    ask("label/room/values", start="0", end="1"),
    ask("label/room/values", end="x"),
    ask("metadata", metric="visits_total"),
    ask("metadata", metric="wait_seconds"),
    ask("metadata", metric="odd_values"),
    ask("metadata", metric="temperature_celsius"),
    ask("metadata", metric="nothing"),
    ask("metadata", metric="up"),
    ask("metadata", limit="0"),
    ask("metadata", limit="x"),
    ask("query_exemplars", query="visits_total", start="0", end="1"),
    ask("query_exemplars", query="sum(", start="0", end="1"),
    ask("query_exemplars", query="visits_total", start="1", end="0"),
    ask("query_exemplars", query="visits_total", start="x", end="0"),
    form("query_exemplars", query="visits_total", start="0", end="1"),
    ask("format_query", query="sum(rate(x[5m]))by(a)"),
    ask("format_query", query="a+on(b)group_left(c)d or sum without(e)(topk(3,f))"),
    ask("format_query", query="sum("),
    ask("format_query"),
    form("format_query", query="a+b"),
    ask("targets"),
    ask("targets", state="active"),
    ask("targets", state="dropped"),
    ask("targets", state="x"),
    ask("rules"),
    ask("rules", type="alert"),
    ask("rules", type="record"),
    ask("rules", type="x"),
    ask("alerts"),
    ask("status/walreplay"),
    Ask("/federate", (JOB,)),
    Ask("/federate", (ROOMS, ("match[]", "visits_total"))),
    Ask("/federate", (("match[]", "nothing"),)),
    Ask("/federate", (("match[]", "{"),)),
    Ask("/federate"),
]

CHANGED = (
    # In an error: what 2.42 says, and what 3 says.
    ("missing unit character in duration", "unexpected end of input in duration expression"),
    ('bad duration syntax: "5"', 'bad number or duration syntax: "5q"'),
    ("in offset, expected duration", "in offset, expected number, duration, step(), or range()"),
)
# RE2 itself and Go's translation of it describe a wrong expression differently.
RE2 = re.compile("(error parsing regexp: ).*")

MOMENTARY = {
    "evaluationTime", "lastEvaluation", "activeAt", "lastScrape", "lastScrapeDuration",
    # How a target was found is a matter of each one's own discovery.
    "discoveredLabels", "globalUrl", "droppedTargetCounts",
    # 2.42 has no annotations.
    "warnings", "infos",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it came."""

    status: int
    content_type: str
    text: str


@dataclass(frozen=True, slots=True)
class Asker:
    """Where a server answers, and with which credentials."""

    url: str
    session: aiohttp.ClientSession
    time_s: str = ""

    async def reply(self, asked: Ask) -> Reply:
        """Return the answer to a request."""
        parameters = [(n, v.replace("TIME", self.time_s)) for n, v in asked.parameters]
        if asked.form is None:
            sent = self.session.get(self.url + asked.path, params=parameters)
        else:
            form = [(n, v.replace("TIME", self.time_s)) for n, v in asked.form]
            sent = self.session.post(self.url + asked.path, params=parameters, data=form)
        async with sent as answer:
            return Reply(answer.status, answer.headers["Content-Type"], await answer.text())


def settled(value: Any) -> Any:
    """Return a JSON value without what depends on the moment, lists in one order."""
    match value:
        case dict():
            # Not to be compared: our own group of rules.
            return {k: settled(v) for k, v in value.items() if k not in MOMENTARY}
        case list() if all(isinstance(each, dict) for each in value):
            kept = [settled(each) for each in value if each.get("name") != "host checks"]
            return sorted(kept, key=lambda each: json.dumps(each, sort_keys=True))
        case _:
            return value


def exposed(text: str) -> Any:
    """Return an exposition's lines: name and labels with the value, without the time."""
    samples = set()
    for line in text.splitlines():
        if line.startswith("#"):
            samples.add((line, ""))
        elif not line.startswith(("scrape_duration", "scrape_series_added", "ALERTS_FOR_STATE")):
            key, value, _ = line.rsplit(" ", 2)
            samples.add((key, repr(float(value))))
    return samples


def comparable(asked: Ask, reply: Reply, *, theirs: bool) -> tuple[int, str, Any]:
    """Return what must be equal of an answer."""
    if reply.content_type != "application/json":
        whole = exposed(reply.text) if reply.status == 200 else reply.text
        return reply.status, reply.content_type, whole
    body = settled(json.loads(reply.text))
    if asked.path == "/api/v1/status/walreplay":
        # Documented since 2.28; 2.42 leaves it out.
        body["data"].pop("state", None)
    if body["status"] == "error":
        error = RE2.sub(r"\1", body["error"])
        if theirs:
            for before, after in CHANGED:
                error = error.replace(before, after)
            if asked.path.endswith("query_range") and re.match(r"\d|invalid expr", error):
                # 3 names the parameter here, too.
                error = f'invalid parameter "query": {error}'
        body["error"] = error
    return reply.status, reply.content_type, body


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def both(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Asker, Asker]]:
    """Redshank and Prometheus, which have scraped the same target."""
    directory = tmp_path_factory.mktemp("both")

    async def expose(_: web.Request) -> web.Response:
        return web.Response(text=EXPOSITION, content_type="text/plain")

    app = web.Application()
    app.router.add_get("/metrics", expose)
    async with TestServer(app, host="127.0.0.1") as target:
        job = {"targets": [f"127.0.0.1:{target.port}"]}
        (directory / "rules.yml").write_text(json.dumps(RULES))
        rules = {"rule_files": [str(directory / "rules.yml")]}
        each_second = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
        (directory / "prometheus.yml").write_text(
            json.dumps(
                {
                    "global": each_second,
                    "scrape_configs": [{"job_name": "peer", "static_configs": [job]}],
                    **rules,
                }
            )
        )
        settings = {
            "server": {"scrape_self": False},
            "scrape": {"interval": "1s", "timeout": "1s", "jobs": [{"name": "peer", **job}]},
            "alerting": {"start_delay": "0s", **rules},
        }
        address = f"127.0.0.1:{free_port()}"
        async with (
            redshank_server(directory / "data", settings) as server,
            running(
                program("prometheus"),
                f"--config.file={directory / 'prometheus.yml'}",
                f"--storage.tsdb.path={directory / 'prometheus'}",
                f"--web.listen-address={address}",
            ) as prometheus,
            aiohttp.ClientSession() as session,
        ):
            await prometheus.line("ready to receive web requests")
            ours, theirs = Asker(server.url, server.session), Asker(f"http://{address}", session)
            for asker in (ours, theirs):

                async def evaluated(asker: Asker = asker) -> bool:
                    found = await asker.reply(ask("query", query="ALERTS and on () visits:sum"))
                    return len(json.loads(found.text)["data"]["result"]) == 2

                await until(evaluated, f"rules to be evaluated by {asker.url}")
            time_s = f"{time.time():.3f}"
            # Whatever either one takes in from now on is no part of the answers.
            await asyncio.sleep(1)
            yield Asker(ours.url, ours.session, time_s), Asker(theirs.url, session, time_s)


@pytest.mark.parametrize("asked", ASKED, ids=str)
async def test_answer_is_prometheus_answer(both: tuple[Asker, Asker], asked: Ask) -> None:
    ours, theirs = await asyncio.gather(*(asker.reply(asked) for asker in both))
    assert comparable(asked, ours, theirs=False) == comparable(asked, theirs, theirs=True)
