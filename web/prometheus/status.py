"""`/api/v1/targets`, `/rules`, `/alerts`, `/status/buildinfo`, `/metrics` and the probes."""

import asyncio
import math
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from aiohttp import web
from prometheus_client.exposition import choose_encoder

from model.durations import format_duration
from scraper.targets import TargetStatus
from storage.api.alerts import Alert, AlertState
from web.answers import body_answer
from web.prometheus.encoding import format_value
from web.prometheus.envelope import success_of
from web.routing import Access, Route, Surface
from web.services import RuleGroupView, RuleView, Services

COMPATIBLE_VERSION: Final = "3.5.0"
"""The Prometheus whose API this is; Grafana decides by it which requests it may send."""

_NEVER: Final = "0001-01-01T00:00:00Z"
"""Go's zero time, which clients of Prometheus expect before the first scrape."""


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
                ("status/buildinfo", self.build_info),
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
        state = request.query.get("state", "any")
        data: dict[str, Any] = {"activeTargets": [] if state == "dropped" else active}
        data["droppedTargets"] = []
        data["droppedTargetCounts"] = dict.fromkeys(
            Counter(status.target.job for status in self._services.targets()), 0
        )
        return success_of(data)

    async def rules(self, request: web.Request) -> web.Response:
        """List rule groups with their rules, and the alerts of each alerting rule."""
        kind = request.query.get("type", "")
        alerts = await self._services.alerts.open_alerts()
        groups = [group_document(group, kind, alerts) for group in self._services.rule_groups()]
        return success_of({"groups": groups})

    async def alerts(self, request: web.Request) -> web.Response:
        """List the alerts that are pending or firing."""
        alerts = await self._services.alerts.open_alerts()
        return success_of({"alerts": [alert_document(alert) for alert in alerts]})

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


def format_rfc3339(time_ms: int | None) -> str:
    """Return a time in RFC 3339 with milliseconds, Go's zero time for None."""
    if time_ms is None:
        return _NEVER
    at = datetime.fromtimestamp(time_ms // 1000, UTC).replace(microsecond=time_ms % 1000 * 1000)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


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
        "lastScrape": format_rfc3339(status.last_scrape_ms),
        "lastScrapeDuration": status.duration_s,
        "health": str(status.health),
        "scrapeInterval": format_duration(round(target.interval_s * 1000)),
        "scrapeTimeout": format_duration(round(target.timeout_s * 1000)),
    }


def alert_document(alert: Alert) -> dict[str, Any]:
    """Return an alert as `/api/v1/alerts` shows it."""
    return {
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        # Prometheus knows two states; an alert whose series vanished is still firing to it.
        "state": "pending" if alert.state is AlertState.PENDING else "firing",
        "activeAt": format_rfc3339(alert.active_ms),
        "value": _exponent(alert.value),
    }


def _exponent(value: float) -> str:
    # Prometheus writes this one field as Go's %e with the shortest digits: 1e+00.
    if not math.isfinite(value):
        return format_value(value)
    candidates = (f"{value:.{precision}e}" for precision in range(17))
    return next(text for text in candidates if float(text) == value)


def group_document(group: RuleGroupView, kind: str, alerts: Sequence[Alert]) -> dict[str, Any]:
    """Return a group as `/api/v1/rules` shows it; `kind` is "alert", "record" or ""."""
    wanted = {"alert": (True,), "record": (False,)}.get(kind, (True, False))
    return {
        "name": group.name,
        "file": group.file,
        "interval": group.interval_s,
        "limit": 0,
        "rules": [
            rule_document(rule, group.name, alerts)
            for rule in group.rules
            if rule.alerting in wanted
        ],
        "evaluationTime": group.evaluation_s,
        "lastEvaluation": format_rfc3339(group.last_evaluation_ms),
    }


def rule_document(rule: RuleView, group: str, alerts: Sequence[Alert]) -> dict[str, Any]:
    """Return a rule as `/api/v1/rules` shows it."""
    document: dict[str, Any] = {
        "name": rule.name,
        "query": rule.query,
        "labels": dict(rule.labels),
        "health": rule.health,
        "lastError": rule.last_error,
        "evaluationTime": rule.evaluation_s,
        "lastEvaluation": format_rfc3339(rule.last_evaluation_ms),
        "type": "alerting" if rule.alerting else "recording",
    }
    if rule.alerting:
        own = [alert for alert in alerts if alert.rule == f"{group}/{rule.name}"]
        pending_only = own and all(alert.state is AlertState.PENDING for alert in own)
        document |= {
            "state": "inactive" if not own else "pending" if pending_only else "firing",
            "duration": rule.for_s,
            "keepFiringFor": rule.keep_firing_for_s,
            "annotations": dict(rule.annotations),
            "alerts": [alert_document(alert) for alert in own],
        }
    return document
