"""The fleet: every host with its state, its figures and its open alerts.

A host is a registered record, a target that the configuration calls a host, or both.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from model.targets import Health, TargetStatus
from storage.api.alerts import Alert, AlertState, Severity
from storage.api.hosts import Host
from web.fleet.figures import read_figures
from web.fleet.hosts import AlertCount, Figures, FleetHost, FleetView, HostState
from web.fleet.kept_answers import KeptAnswers
from web.services import Services

_FRESH_MS: Final = 1_000
"""How long a view is kept: every open page reads the same one."""


class Fleet:
    """Combines records, targets, figures and alerts into a view; concurrent readers share it."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._lock = asyncio.Lock()
        self._answers = KeptAnswers(services.engine)
        self._view: FleetView | None = None

    async def view(self) -> FleetView:
        """Return the current view, which is at most a second old."""
        async with self._lock:
            now_ms = self._services.clock()
            view = self._view
            if view is None or not 0 <= now_ms - view.time_ms < _FRESH_MS:
                view = self._view = await self._read(now_ms)
            return view

    @property
    def last_view(self) -> FleetView:
        """The view that was read last, an empty one before the first."""
        return self._view or FleetView(self._services.clock(), (), ())

    async def host(self, key: str) -> FleetHost | None:
        """Return the host with this record id or instance, None if there is none."""
        return (await self.view()).find(key)

    def forget(self) -> None:
        """Drop the cached view after hosts or alerts have changed."""
        self._view = None

    async def _read(self, now_ms: int) -> FleetView:
        records = await self._services.hosts.all()
        statuses = [status for status in self._services.targets() if status.target.host]
        statuses += self._services.pushes.hosts.statuses()
        open_alerts = tuple(item.alert for item in self._services.alerting.open_alerts())
        alerts = count_alerts(open_alerts)
        figures: Mapping[str, Figures] = {}
        if statuses:
            intervals_s = {each.target.instance: each.target.interval_s for each in statuses}
            checks = self._services.host_checks()
            figures = await read_figures(self._answers, intervals_s, checks, now_ms)
        by_id = {record.id: record for record in records}
        hosts = [
            _host(status, by_id.get(status.target.host_id or 0), figures, alerts)
            for status in statuses
        ]
        known = {host.id for host in hosts}
        hosts.extend(_pending(record) for record in records if record.id not in known)
        hosts.sort(key=lambda host: (host.name.casefold(), host.instance))
        return FleetView(now_ms, tuple(hosts), open_alerts)


def count_alerts(alerts: Sequence[Alert]) -> Mapping[str, AlertCount]:
    """Return the number of open alerts of each instance."""
    by_instance: dict[str, list[int]] = {}
    for alert in alerts:
        counts = by_instance.setdefault(alert.labels.get("instance"), [0, 0, 0])
        if alert.state is AlertState.PENDING:
            counts[2] += 1
        elif alert.labels.get("severity") == Severity.CRITICAL:
            counts[0] += 1
        else:
            counts[1] += 1
    return {instance: AlertCount(*counts) for instance, counts in by_instance.items()}


_STATE_OF = {
    Health.UP: HostState.UP,
    Health.DOWN: HostState.DOWN,
    Health.UNKNOWN: HostState.PENDING,
}


def _host(
    status: TargetStatus,
    record: Host | None,
    figures: Mapping[str, Figures],
    alerts: Mapping[str, AlertCount],
) -> FleetHost:
    target = status.target
    state = _STATE_OF[status.health]
    return FleetHost(
        name=target.host or target.instance,
        instance=target.instance,
        id=target.host_id,
        url=target.url,
        labels=target.labels,
        state=state,
        reason=status.last_error,
        last_seen_ms=status.last_up_ms,
        interval_s=target.interval_s,
        timeout_s=target.timeout_s,
        created_ms=record.created_ms if record else None,
        # The last figures of a host that is down would look current.
        figures=figures.get(target.instance, Figures()) if state is HostState.UP else Figures(),
        alerts=alerts.get(target.instance, AlertCount()),
    )


def _pending(record: Host) -> FleetHost:
    return FleetHost(
        name=record.name,
        instance=record.instance,
        id=record.id,
        url=record.url,
        labels=record.labels,
        state=HostState.PENDING,
        reason="",
        last_seen_ms=None,
        interval_s=record.interval_s,
        timeout_s=record.timeout_s,
        created_ms=record.created_ms,
    )
