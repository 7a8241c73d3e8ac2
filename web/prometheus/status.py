"""`/api/v1/targets`, `/rules`, `/alerts`, `/status/*`, `/metrics` and the probes."""

import asyncio
from collections import Counter
from typing import Any, Final

from aiohttp import web
from prometheus_client.exposition import choose_encoder

from alerting.documents import rfc3339
from alerting.prometheus_json import alerts_data, rules_data
from model.durations import format_duration
from scraper.targets import TargetStatus
from web.answers import body_answer
from web.prometheus.envelope import success_of
from web.prometheus.parameters import limit_parameter, read_parameters
from web.prometheus.rule_choice import RuleChoice
from web.routing import Access, Route, Surface
from web.services import Services

COMPATIBLE_VERSION: Final = "3.5.0"
"""The Prometheus whose API this is; Grafana decides by it which requests it may send."""

_LARGEST_METRICS: Final = 10


class ServerStatus:
    """What the server scrapes, evaluates and is."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        api = [
            Route("GET", f"/api/v1/{path}", handler, Access.VIEWER, Surface.PROMETHEUS)
            for path, handler in (
                ("targets", self.targets),
                ("rules", self.rules),
                ("alerts", self.alerts),
                ("scrape_pools", self.scrape_pools),
                ("status/buildinfo", self.build_info),
                ("status/tsdb", self.store),
                ("status/walreplay", self.replay),
            )
        ]
        return (
            *api,
            Route("GET", "/metrics", self.metrics, Access.SCRAPE, Surface.JSON),
            Route("GET", "/-/healthy", self.healthy, Access.PUBLIC, Surface.JSON),
            Route("GET", "/-/ready", self.ready, Access.PUBLIC, Surface.JSON),
        )

    async def targets(self, request: web.Request) -> web.Response:
        """List the targets; `state=dropped` leaves out the active ones, as ours has no others."""
        pool = request.query.get("scrapePool", "")
        active = [
            target_document(status)
            for status in self._services.targets()
            if not pool or status.target.job == pool
        ]
        state = request.query.get("state", "").lower()
        shown = state in ("", "any", "active")
        data: dict[str, Any] = {"activeTargets": active if shown else []}
        data["droppedTargets"] = []
        data["droppedTargetCounts"] = dict.fromkeys(
            Counter(status.target.job for status in self._services.targets()), 0
        )
        return success_of(data)

    async def rules(self, request: web.Request) -> web.Response:
        """List rule groups with their rules, and the alerts of each alerting rule."""
        choice = RuleChoice.read(await read_parameters(request), self._services)
        groups, next_page = choice.of(self._services.alerting.rules())
        data = rules_data(groups)
        if next_page:
            data["groupNextToken"] = next_page
        return success_of(data)

    async def alerts(self, request: web.Request) -> web.Response:
        """List the alerts that are pending or firing."""
        return success_of(alerts_data(self._services.alerting.open_alerts()))

    async def scrape_pools(self, request: web.Request) -> web.Response:
        """List the jobs that have targets."""
        jobs = {status.target.job for status in self._services.targets()}
        return success_of({"scrapePools": sorted(jobs)})

    async def store(self, request: web.Request) -> web.Response:
        """Tell what the store holds, and which metrics have the most series."""
        limit = limit_parameter(await read_parameters(request)) or _LARGEST_METRICS
        stats = await asyncio.to_thread(self._services.samples.stats)
        return success_of(
            {
                "headStats": {
                    "numSeries": stats.series,
                    "minTime": stats.oldest_ms,
                    "maxTime": stats.newest_ms,
                },
                "seriesCountByMetricName": [
                    {"name": metric.metric, "value": metric.series}
                    for metric in stats.metrics[:limit]
                ],
            }
        )

    async def replay(self, request: web.Request) -> web.Response:
        """Tell that nothing is replayed: the server answers only once its journal is read."""
        return success_of({"min": 0, "max": 0, "current": 0})

    async def build_info(self, request: web.Request) -> web.Response:
        """Tell which API this is."""
        return success_of(
            {
                "version": COMPATIBLE_VERSION,
                "revision": f"redshank-{self._services.version}",
                "branch": "",
                "buildUser": "",
                "buildDate": "",
                "goVersion": "",
            }
        )

    async def metrics(self, request: web.Request) -> web.Response:
        """Give the server's own metrics, in the format that the scraper prefers."""
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        # Collecting reads files of /proc, so not on the event loop.
        body = await asyncio.to_thread(encode, self._services.registry)
        answer = body_answer(body, "text/plain")
        answer.headers["Content-Type"] = content_type
        return answer

    async def healthy(self, request: web.Request) -> web.Response:
        """Tell that the process answers."""
        return web.Response(text="Redshank is healthy.\n")

    async def ready(self, request: web.Request) -> web.Response:
        """Tell whether start-up is complete."""
        if self._services.ready():
            return web.Response(text="Redshank is ready.\n")
        return web.Response(status=503, text="Redshank is starting.\n")


def target_document(status: TargetStatus) -> dict[str, Any]:
    """Return a target as `/api/v1/targets` shows it."""
    target = status.target
    return {
        "discoveredLabels": dict(target.discovered),
        "labels": dict(target.labels),
        "scrapePool": target.job,
        "scrapeUrl": target.url,
        "globalUrl": target.url,
        "lastError": status.last_error,
        "lastScrape": rfc3339(status.last_scrape_ms),
        "lastScrapeDuration": status.duration_s,
        "health": str(status.health),
        "scrapeInterval": format_duration(round(target.interval_s * 1000)),
        "scrapeTimeout": format_duration(round(target.timeout_s * 1000)),
    }
