"""The targets page: scrape targets with their health and last error."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final
from urllib.parse import urlencode

from aiohttp import web

from ingest.devices.inbox import DEVICE_JOB, DeviceStatus
from model.targets import Health, TargetStatus
from web.http.pages import Page
from web.http.routing import Route
from web.live.shell import PageAddress, Shell
from web.services import Pushes

TARGETS: Final = Page(path="/targets", title="Targets", template="targets/page.html", position=40)


@dataclass(frozen=True, slots=True)
class TargetFilter:
    """The filter of the page; a field that is "" matches all targets.

    Attributes:
        health: a value of `Health`.
        job: the name of a scrape configuration.
        search: a part of a label or of the URL.
    """

    health: str = ""
    job: str = ""
    search: str = ""

    @classmethod
    def read(cls, query: Mapping[str, str]) -> "TargetFilter":
        """Return the filter in the query of a URL."""
        health = query.get("health", "")
        return cls(
            health if health in set(Health) else "",
            query.get("job", "")[:200],
            query.get("q", "").strip()[:100],
        )

    def matches(self, status: TargetStatus) -> bool:
        """Report whether a target matches."""
        target = status.target
        return (
            self.health in ("", status.health)
            and self.job in ("", target.scrape_pool)
            and self.search.casefold() in f"{target.labels} {target.url}".casefold()
        )

    def query(self, **changed: str) -> str:
        """Return the query of a URL with some fields changed, "" for no filter."""
        fields = {"health": self.health, "job": self.job, "q": self.search} | changed
        query = urlencode({name: value for name, value in fields.items() if value})
        return f"?{query}" if query else ""


_MOST_DEVICES: Final = 200
"""A longer list is narrowed by the search."""


class TargetsPages:
    """Shows the scrape targets of all jobs, the hosts that push, and devices."""

    def __init__(
        self, targets: Callable[[], Sequence[TargetStatus]], pushes: Pushes, shell: Shell
    ) -> None:
        self._targets, self._pushes, self._shell = targets, pushes, shell
        shell.add_region("targets", "targets/live.html", self._region, is_shared=True)

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        return (self._shell.route(TARGETS, self.show),)

    async def show(self, request: web.Request) -> web.Response:
        """Show the targets."""
        return await self._shell.page(
            request, TARGETS, **await self._region(PageAddress.of(request))
        )

    async def _region(self, address: PageAddress) -> Mapping[str, Any]:
        statuses = [*self._targets(), *self._pushes.hosts.statuses()]
        chosen = TargetFilter.read(address.query)
        shown = [status for status in statuses if chosen.matches(status)]
        shown.sort(key=lambda status: (status.target.scrape_pool, status.target.instance))
        in_job = [status for status in statuses if chosen.job in ("", status.target.scrape_pool)]
        devices = (
            [] if chosen.health or chosen.job not in ("", DEVICE_JOB) else self._devices(chosen)
        )
        return {
            "devices": devices[:_MOST_DEVICES],
            "devices_left_out": max(0, len(devices) - _MOST_DEVICES),
            "jobs": [
                (job, list(members))
                for job, members in groupby(shown, lambda each: each.target.scrape_pool)
            ],
            "up": Counter(
                status.target.scrape_pool for status in statuses if status.health is Health.UP
            ),
            "of": Counter(status.target.scrape_pool for status in statuses),
            "counts": {
                str(each): sum(1 for status in in_job if status.health is each) for each in Health
            },
            "total": len(in_job),
            "shown": len(shown),
            "chosen": chosen,
        }

    def _devices(self, chosen: TargetFilter) -> list[DeviceStatus]:
        search = chosen.search.casefold()
        devices = self._pushes.inbox.devices()
        return [device for device in devices if search in str(device.labels).casefold()]
