"""The requests that `test_http_api` sends to Prometheus and to Redshank."""

from collections.abc import Sequence
from dataclasses import dataclass

Parameters = Sequence[tuple[str, str]]
"""Names and values; `TIME` in a value stands for the time of the test."""


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """One request.

    Attributes:
        parameters: go into the URL.
        form: goes into the body, as a multipart form if `multipart`.
        accept: the header of this name.
        method: None for POST with a form, else GET.
    """

    path: str
    parameters: Parameters = ()
    form: Parameters | None = None
    accept: str = ""
    multipart: bool = False
    method: str | None = None

    @property
    def verb(self) -> str:
        """The method."""
        return self.method or ("GET" if self.form is None else "POST")

    def __str__(self) -> str:
        sent = [f"{name}={value}" for name, value in (*self.parameters, *(self.form or ()))]
        kind = " multipart" if self.multipart else ""
        return f"{self.verb} {self.path}?{'&'.join(sent)}{kind} {self.accept}".rstrip()


def get(path: str, *parameters: tuple[str, str], **more: str) -> ApiRequest:
    """Return a GET of the API."""
    return ApiRequest(f"/api/v1/{path}", (*parameters, *more.items()))


def post(path: str, *parameters: tuple[str, str], **more: str) -> ApiRequest:
    """Return a POST of the API."""
    return ApiRequest(f"/api/v1/{path}", (), (*parameters, *more.items()))


def multipart(path: str, *parameters: tuple[str, str], **form: str) -> ApiRequest:
    """Return a POST with a multipart form."""
    return ApiRequest(f"/api/v1/{path}", parameters, (*form.items(),), multipart=True)


def change(path: str, *parameters: tuple[str, str], method: str = "POST") -> ApiRequest:
    """Return a request of the administration API without a body."""
    return ApiRequest(f"/api/v1/admin/tsdb/{path}", parameters, method=method)


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
    # Both servers refuse these with the same message.
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
REQUESTS = [
    *(get("query", query=query, time="TIME") for query in QUERIES),
    *(get("query_range", query=query, **WINDOW) for query in QUERIES),
    get("query_range", query="visits_total[5m]", **WINDOW),
    post("query", query="visits_total", time="TIME"),
    post("query", query="visits_total", time="TIME", timeout="10s"),
    post("query_range", query="visits_total", **WINDOW),
    ApiRequest("/api/v1/query", (("query", "1"), ("time", "5")), (("query", "2"),)),
    get("query", query="1", time="1.5"),
    get("query", query="1", time="1e3"),
    get("query", query="1", time="-1"),
    get("query", query="1", time="1970-01-01T00:00:01.5+01:00"),
    get("query", query="1", time="1970-01-01"),
    get("query", query="1", time="now"),
    get("query", query="1", time="TIME", timeout="x"),
    get("query", query="1", time="TIME", timeout="-5s"),
    get("query", time="TIME"),
    get("query_range", query="1"),
    get("query_range", query="1", start="0"),
    get("query_range", query="1", start="x", end="1", step="1"),
    get("query_range", query="1", start="0", end="x", step="1"),
    get("query_range", query="1", start="0", end="1"),
    get("query_range", query="1", start="0", end="1", step="x"),
    get("query_range", query="1", start="0", end="1", step="0"),
    get("query_range", query="1", start="0", end="1", step="-1"),
    get("query_range", query="1", start="0", end="1", step="1e300"),
    get("query_range", query="1", start="0", end="10", step="2s"),
    get("query_range", query="1", start="0", end="0.3", step="100ms"),
    get("query_range", query="1", start="2", end="1", step="1"),
    get("query_range", query="1", start="0", end="11000", step="1"),
    get("query_range", query="1", start="0", end="11001", step="1"),
    get("query_range", query="'text'", **WINDOW),
    get("query_range", query="sum(", start="0", end="1", step="1", timeout="x"),
    get("series"),
    get("series", JOB),
    get("series", ROOMS, ("match[]", "up")),
    get("series", ROOMS, ROOMS),
    get("series", ROOMS, start="0", end="1"),
    get("series", ("match[]", "{}")),
    get("series", ("match[]", "{a=~'.*'}")),
    get("series", ("match[]", "sum(up)")),
    get("series", ("match[]", "")),
    get("series", ROOMS, start="x"),
    get("series", ROOMS, end="x"),
    post("series", ROOMS),
    post("series"),
    get("labels", JOB),
    get("labels", JOB, start="0", end="1"),
    get("labels", ("match[]", "{")),
    get("labels", ("match[]", "{}")),
    get("labels", start="x"),
    post("labels", JOB),
    get("labels", start="2", end="1"),
    get("series", ROOMS, start="2", end="1"),
    get("label/room/values", start="2", end="1"),
    get("label/room/values"),
    get("label/room/values", ("match[]", "visits_total")),
    get("label/__name__/values", JOB),
    get("label/nothing/values"),
    get("label/room/values", ("match[]", "{")),
    get("label/room/values", ("match[]", "{}")),
    get("label/room/values", start="0", end="1"),
    get("label/room/values", end="x"),
    get("metadata", metric="visits_total"),
    get("metadata", metric="wait_seconds"),
    get("metadata", metric="odd_values"),
    get("metadata", metric="temperature_celsius"),
    get("metadata", metric="nothing"),
    get("metadata", metric="up"),
    get("metadata", limit="0"),
    get("metadata", limit="x"),
    get("query_exemplars", query="visits_total", start="0", end="1"),
    get("query_exemplars", query="sum(", start="0", end="1"),
    get("query_exemplars", query="visits_total", start="1", end="0"),
    get("query_exemplars", query="visits_total", start="x", end="0"),
    post("query_exemplars", query="visits_total", start="0", end="1"),
    get("format_query", query="sum(rate(x[5m]))by(a)"),
    get("format_query", query="a+on(b)group_left(c)d or sum without(e)(topk(3,f))"),
    get("format_query", query="sum("),
    get("format_query"),
    post("format_query", query="a+b"),
    get("targets"),
    get("targets", state="active"),
    get("targets", state="dropped"),
    get("targets", state="x"),
    get("rules"),
    get("rules", type="alert"),
    get("rules", type="record"),
    get("rules", type="x"),
    get("alerts"),
    get("status/walreplay"),
    ApiRequest("/federate", (JOB,)),
    ApiRequest("/federate", (ROOMS, ("match[]", "visits_total"))),
    ApiRequest("/federate", (("match[]", "nothing"),)),
    ApiRequest("/federate", (("match[]", "{"),)),
    ApiRequest("/federate"),
    ApiRequest("/federate", (("match[]", "visits:sum"),)),
    *(
        ApiRequest("/federate", (JOB,), accept=f"text/plain;version=0.0.4;escaping={scheme}")
        for scheme in ("allow-utf-8", "underscores", "dots", "values", "other")
    ),
    multipart("query", query="visits_total", time="TIME"),
    multipart("query", ("query", "1"), query="2", time="TIME"),
    multipart("query_range", query="visits_total", **WINDOW),
    multipart("labels", **dict([JOB])),
    multipart("query", time="TIME"),
    *(
        get("query", query="visits_total", time="TIME", lookback_delta=delta)
        for delta in ("0", "-5", "5m", "0.001", "x")
    ),
    get("metadata", metric="only_help"),
    get("targets/metadata", metric="only_help"),
    get("targets/metadata", metric="odd_values", match_target='{job="peer"}'),
    get("alertmanagers"),
    get("notifications"),
    # Both servers refuse these; what succeeds is in tests of our own.
    change("delete_series"),
    change("delete_series", method="PUT"),
    change("delete_series", ("match[]", "sum(up)")),
    change("delete_series", ("match[]", "up"), ("match[]", "{")),
    change("delete_series", ("match[]", "up"), ("start", "x")),
    change("delete_series", ("match[]", "up"), ("end", "x")),
    change("snapshot", ("skip_head", "yes")),
    # After these, later queries have the same samples: none matches.
    change("delete_series", ("match[]", "nothing")),
    change("delete_series", ("match[]", "up"), ("start", "2"), ("end", "1")),
    change("delete_series", ("match[]", "up"), ("start", "0"), ("end", "1"), method="PUT"),
    change("clean_tombstones"),
]
