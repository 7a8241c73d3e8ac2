"""`/api/v1/targets`, `/targets/metadata` and `/scrape_pools`: the targets and their health."""

from collections.abc import Iterable, Sequence
from typing import Any

from aiohttp import web

from alerting.receivers.webhook_body import rfc3339
from model.durations import format_duration
from model.labels import Labels
from model.matchers import Matcher
from model.targets import TargetStatus
from promql.api import ParseError
from promql.syntax.parser import parse_selector
from scraper.fetching.targets import DroppedTarget
from web.http.routing import Route
from web.prometheus.document_types import PoolsData, TargetMetadata, TargetsData
from web.prometheus.envelope import success_of
from web.prometheus.metadata_entries import metadata_entry
from web.prometheus.operations import (
    TargetMetadataParameters,
    TargetsParameters,
    only_get,
    prometheus_operation,
)
from web.prometheus.parameters import invalid, metadata_limit
from web.services import Services


class TargetsApi:
    """Lists targets in Prometheus's form."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        targets = prometheus_operation(TargetsData, TargetsParameters)
        metadata = prometheus_operation(list[TargetMetadata], TargetMetadataParameters)
        return (
            only_get("/api/v1/targets", self.targets, targets),
            only_get("/api/v1/targets/metadata", self.metadata, metadata),
            only_get("/api/v1/scrape_pools", self.pools, prometheus_operation(PoolsData)),
        )

    async def targets(self, request: web.Request) -> web.Response:
        """List the active and dropped targets, or those with the given `state`."""
        state, pool = request.query.get("state", "").lower(), request.query.get("scrapePool", "")
        data: dict[str, Any] = {
            "activeTargets": [],
            "droppedTargets": [],
            "droppedTargetCounts": None,
        }
        if state in ("", "any", "active"):
            active = [
                status
                for status in self._services.targets()
                if not pool or status.target.scrape_pool == pool
            ]
            active.sort(key=lambda status: status.target.scrape_pool)
            data["activeTargets"] = [target_document(status) for status in active]
        if state in ("", "any", "dropped"):
            data["droppedTargets"] = [
                _dropped_document(target)
                for target in self._services.discovered.dropped()
                if not pool or target.pool == pool
            ]
            data["droppedTargetCounts"] = dict(self._services.discovered.dropped_counts())
        return success_of(data)

    async def pools(self, request: web.Request) -> web.Response:
        """List the names of all scrape jobs."""
        return success_of({"scrapePools": list(self._services.discovered.pools())})

    async def metadata(self, request: web.Request) -> web.Response:
        """List the metadata of metrics by target: type, help, unit."""
        limit, metric = metadata_limit(request.query), request.query.get("metric", "")
        matchers = _matchers(request.query.get("match_target", ""))
        found: list[dict[str, Any]] = []
        for target, families in self._services.target_metadata():
            if limit is not None and len(found) >= limit:
                break
            if not _matches(target.labels, matchers):
                continue
            # Like Prometheus, without the name if the client asked for one metric.
            found += [
                {"target": dict(target.labels)}
                | ({} if metric else {"metric": name})
                | metadata_entry(entry)
                for name, entry in sorted(families.items())
                if metric in ("", name)
            ]
        return success_of(found)


def _matchers(selector: str) -> Sequence[Matcher]:
    if not selector:
        return ()
    try:
        return parse_selector(selector)
    except (ParseError, ValueError) as exc:
        raise invalid("match_target", exc) from exc


def _matches(labels: Labels, matchers: Iterable[Matcher]) -> bool:
    return all(matcher.matches(labels.get(matcher.name)) for matcher in matchers)


def target_document(status: TargetStatus) -> dict[str, Any]:
    """Return a target in the form of `/api/v1/targets`."""
    target = status.target
    return {
        "discoveredLabels": dict(target.discovered),
        "labels": dict(target.labels),
        "scrapePool": target.scrape_pool,
        "scrapeUrl": target.url,
        "globalUrl": target.url,
        "lastError": status.last_error,
        "lastScrape": rfc3339(status.last_scrape_ms),
        "lastScrapeDuration": status.duration_s,
        "health": str(status.health),
        "scrapeInterval": format_duration(round(target.interval_s * 1000)),
        "scrapeTimeout": format_duration(round(target.timeout_s * 1000)),
    }


def _dropped_document(target: DroppedTarget) -> dict[str, Any]:
    return {"discoveredLabels": dict(target.discovered), "scrapePool": target.pool}
