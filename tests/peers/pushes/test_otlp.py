"""Redshank stores what VictoriaMetrics stores of the same OTLP request, under Prometheus's names.

Prometheus's own receiver is not in the builds that tests run, so its names are held by
`tests/ingest/otlp/test_prometheus_names.py`. VictoriaMetrics has a mode with the same names. It
has neither `target_info` nor the labels `job` and `instance`, which this test leaves out.
"""

import asyncio
import json
import re
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

from ingest.otlp.names import MetricKind
from tests.ingest.otlp.messages import key_values
from tests.ingest.otlp.otlp_setting import NS, counter, request
from tests.ingest.otlp.test_prometheus_names import ESCAPED_WITH_SUFFIXES
from tests.ports import free_port
from tests.programs import program
from tests.system.processes import redshank_server, running, until

pytestmark = [pytest.mark.peer, pytest.mark.slow]

# VictoriaMetrics keeps other characters, colons and digits at the begin in another way.
PLAIN_NAME, PLAIN_UNIT = (
    re.compile(r"[A-Za-z_][\w.]*", re.ASCII),
    re.compile(r"[\w/{}%.: -]*", re.ASCII),
)
HEADERS = {"Content-Type": "application/x-protobuf"}
FLAGS = (
    "-opentelemetry.usePrometheusNaming",
    "-opentelemetry.promoteAllResourceAttributes=false",
    "-opentelemetry.promoteScopeMetadata=false",
)
Series = dict[tuple[tuple[str, str], ...], tuple[int, float]]


def kinds(now_ms: int) -> bytes:
    """Return a request with a metric of each kind."""
    when = {"start_time_unix_nano": (now_ms - 60_000) * NS, "time_unix_nano": now_ms * NS}
    requests = counter("http.requests", (now_ms - 60_000, now_ms, 7.0), unit="{request}")
    requests.sum.data_points[0].attributes.extend(
        key_values({"http.route": "/a", "_x": "1", "flag": True, "part": 2.5})
    )
    duration = Metric(name="http.server.duration", unit="ms")
    duration.histogram.aggregation_temporality = 2  # type: ignore[assignment]
    duration.histogram.data_points.add(
        **when, count=6, sum=99.5, bucket_counts=[1, 2, 3], explicit_bounds=[5.0, 12.5]
    )
    fill = Metric(name="queue.fill", unit="1")
    fill.gauge.data_points.add(time_unix_nano=now_ms * NS, as_double=0.5)
    rows = Metric(name="rows.read", unit="By/s")
    rows.sum.aggregation_temporality = 2  # type: ignore[assignment]
    rows.sum.data_points.add(**when, as_int=-4)
    pause = Metric(name="gc.pause", unit="s")
    point = pause.summary.data_points.add(**when, count=4, sum=2.0)
    point.quantile_values.add(quantile=0.5, value=0.25)
    point.quantile_values.add(quantile=0.99, value=1.5)
    resource = {"service.name": "shop", "service.instance.id": "i1", "k8s.pod.name": "p"}
    body: bytes = request(
        requests, duration, fill, rows, pause, resource=resource
    ).SerializeToString()
    return body


def names(now_ms: int) -> bytes:
    """Return a request with a metric for each case of a plain name."""
    metrics = []
    for number, (kind, name, unit, _) in enumerate(ESCAPED_WITH_SUFFIXES):
        if not PLAIN_NAME.fullmatch(name) or not PLAIN_UNIT.fullmatch(unit) or "__" in unit:
            continue
        metric = Metric(name=name, unit=unit)
        if kind is MetricKind.COUNTER:
            metric.sum.is_monotonic, metric.sum.aggregation_temporality = True, 2  # type: ignore[assignment]
            points = metric.sum.data_points
        else:
            points = metric.gauge.data_points
        points.add(
            time_unix_nano=now_ms * NS,
            as_double=float(number),
            attributes=key_values({"case": f"{number}"}),
        )
        metrics.append(metric)
    assert len(metrics) > 70
    body: bytes = request(*metrics).SerializeToString()
    return body


@asynccontextmanager
async def victoriametrics(folder: Path) -> AsyncIterator[str]:
    path = program("victoria-metrics")
    shown = await asyncio.to_thread(
        subprocess.run, [path, "-help"], capture_output=True, text=True, check=False
    )
    if "-opentelemetry.promoteScopeMetadata" not in shown.stdout + shown.stderr:
        pytest.skip("victoria-metrics is too old to leave out the labels of scopes")
    url = f"http://127.0.0.1:{free_port()}"
    listen = f"-httpListenAddr={url.removeprefix('http://')}"
    async with running(path, f"-storageDataPath={folder}", listen, *FLAGS):

        async def answers() -> bool:
            try:
                async with (
                    aiohttp.ClientSession() as session,
                    session.get(url + "/health") as found,
                ):
                    return found.status == 200
            except aiohttp.ClientError:
                return False

        await until(answers, "VictoriaMetrics")
        yield url


async def theirs(url: str, body: bytes) -> Series:
    async with aiohttp.ClientSession() as session:
        path = "/opentelemetry/v1/metrics"
        async with session.post(url + path, data=body, headers=HEADERS) as answer:
            assert answer.status == 200
        async with session.get(url + "/internal/force_flush"):
            pass

        async def exported() -> Series:
            matcher = {"match[]": '{__name__!=""}'}
            async with session.get(url + "/api/v1/export", params=matcher) as answer:
                lines = (await answer.text()).splitlines()
            found = [json.loads(line) for line in lines]
            return {
                tuple(sorted(one["metric"].items())): (one["timestamps"][-1], one["values"][-1])
                for one in found
            }

        found: Series = await until(exported, "exported series")
        return found


@pytest.mark.parametrize("message", [kinds, names])
async def test_series_are_those_of_victoriametrics(tmp_path: Path, message: object) -> None:
    now_ms = round(time.time() * 1000) - 5000
    assert callable(message)
    body = message(now_ms)
    settings = {"server": {"scrape_self": False}}
    async with (
        victoriametrics(tmp_path / "victoria") as url,
        redshank_server(tmp_path / "redshank", settings) as server,
    ):
        expected = await theirs(url, body)
        async with server.session.post(
            server.url + "/v1/metrics", data=body, headers=HEADERS
        ) as answer:
            assert (answer.status, await answer.read()) == (200, b"")
        time_s = f"{(now_ms + 1000) / 1000}"
        found = await server.get("/api/v1/query", query='{job!=""}[1m]', time=time_s)
        ours: Series = {}
        for one in found["data"]["result"]:
            labels = {k: v for k, v in one["metric"].items() if k not in ("job", "instance")}
            at_s, value = one["values"][-1]
            if labels["__name__"] != "target_info":
                ours[tuple(sorted(labels.items()))] = (round(at_s * 1000), float(value))
        assert ours == expected
