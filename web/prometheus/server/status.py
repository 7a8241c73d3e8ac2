"""`/api/v1/status/…`: the server's build, configuration, process and store."""

import asyncio
import os
import socket
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from alerting.receivers.webhook_body import rfc3339
from web.http.errors import BadRequestError
from web.http.operations import Operation
from web.http.responses import json_response
from web.http.routing import Route
from web.prometheus.document_types import (
    BuildData,
    ConfigurationData,
    LabelSet,
    ReplayData,
    RuntimeData,
    StoreData,
)
from web.prometheus.envelope import success_of
from web.prometheus.operations import StoreParameters, only_get, prometheus_operation
from web.prometheus.parameters import whole_number
from web.services import Services

COMPATIBLE_VERSION: Final = "3.5.0"
"""The version of Prometheus whose API this is; Grafana chooses its requests by it."""

_DEFAULT_LIMIT: Final = 10
_LARGEST_LIMIT: Final = 10_000
# The limits of Go's integers, which Prometheus returns for an empty store.
_NO_LIMIT: Final = 2**63 - 1
_NEVER: Final = -(2**63)


class StatusApi:
    """Describes the server in Prometheus's form."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        status = "/api/v1/status"
        store = prometheus_operation(StoreData, StoreParameters)
        return (
            only_get(f"{status}/buildinfo", self.build, prometheus_operation(BuildData)),
            only_get("/version", self.version, Operation("prometheus", BuildData)),
            only_get(
                f"{status}/config", self.configuration, prometheus_operation(ConfigurationData)
            ),
            only_get(f"{status}/flags", self.flags, prometheus_operation(LabelSet)),
            only_get(f"{status}/runtimeinfo", self.runtime, prometheus_operation(RuntimeData)),
            only_get(f"{status}/tsdb", self.store, store),
            only_get(f"{status}/walreplay", self.replay, prometheus_operation(ReplayData)),
        )

    async def build(self, request: web.Request) -> web.Response:
        """Return the version of the API."""
        return success_of(self._build())

    async def version(self, request: web.Request) -> web.Response:
        """Return the version of the API without Prometheus's envelope."""
        return json_response(self._build())

    def _build(self) -> BuildData:
        return {
            "version": COMPATIBLE_VERSION,
            "revision": f"redshank-{self._services.version}",
            "branch": "",
            "buildUser": "",
            "buildDate": "",
            "goVersion": "",
        }

    async def configuration(self, request: web.Request) -> web.Response:
        """Return the running configuration as a Prometheus configuration."""
        return success_of({"yaml": self._services.configuration.text})

    async def flags(self, request: web.Request) -> web.Response:
        """Return the settings that are flags in Prometheus."""
        return success_of(dict(self._services.configuration.flags))

    async def runtime(self, request: web.Request) -> web.Response:
        """Return facts about the process, with Go's defaults for those that only Go has."""
        services = self._services
        state = services.configuration.state
        stats = await asyncio.to_thread(services.samples.stats)
        folder = await asyncio.to_thread(Path.cwd)
        return success_of(
            {
                "startTime": rfc3339(services.started_ms),
                "CWD": str(folder),
                "hostname": socket.gethostname(),
                "serverTime": rfc3339(services.clock()),
                "reloadConfigSuccess": state.successful,
                "lastConfigTime": rfc3339(state.success_ms),
                "corruptionCount": stats.corrupt_items,
                "goroutineCount": len(asyncio.all_tasks()),
                "GOMAXPROCS": os.cpu_count() or 1,
                "GOMEMLIMIT": _NO_LIMIT,
                "GOGC": "",
                "GODEBUG": "",
                "storageRetention": services.configuration.retention,
            }
        )

    async def store(self, request: web.Request) -> web.Response:
        """Return the cardinality of the active series."""
        found = await asyncio.to_thread(self._services.cardinality, _limit(request))
        return success_of(
            {
                "headStats": {
                    "numSeries": found.series,
                    "numLabelPairs": found.label_pairs,
                    "chunkCount": found.chunks,
                    "minTime": _NO_LIMIT if found.oldest_ms is None else found.oldest_ms,
                    "maxTime": _NEVER if found.newest_ms is None else found.newest_ms,
                },
                "seriesCountByMetricName": _entries(found.series_by_metric),
                "labelValueCountByLabelName": _entries(found.values_by_label),
                "memoryInBytesByLabelName": _entries(found.bytes_by_label),
                "seriesCountByLabelValuePair": _entries(found.series_by_pair),
            }
        )

    async def replay(self, request: web.Request) -> web.Response:
        """Return the state of the journal's replay: always done, as the server starts after it."""
        return success_of({"min": 0, "max": 0, "current": 0, "state": "done"})


def _limit(request: web.Request) -> int:
    text = request.query.get("limit", "")
    if not text:
        return _DEFAULT_LIMIT
    number = whole_number(text)
    if number is None or number < 1:
        raise BadRequestError("limit must be a positive number", "limit")
    if number > _LARGEST_LIMIT:
        raise BadRequestError(f"limit must not exceed {_LARGEST_LIMIT}", "limit")
    return number


def _entries(counts: Iterable[tuple[str, int]]) -> list[Mapping[str, Any]]:
    return [{"name": name, "value": count} for name, count in counts]
