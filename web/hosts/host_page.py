"""The page of one host: figures, charts, alerts, filesystems, checks; its removal."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import structlog
from aiohttp import web
from pydantic import ValidationError

from alerting.check_settings import CheckName
from alerting.errors import BadOverrideError
from model.labels import Labels
from promql.api import PromQLError
from web.fleet.figures import cpu_window_ms
from web.fleet.fleet import Fleet
from web.fleet.hosts import FleetHost
from web.hosts.charts.chart_grid import DEFAULT_RANGE, RANGES
from web.hosts.charts.host_marks import HostMark, HostMarks
from web.hosts.charts.opening import first_keys, range_grid, read_sections
from web.hosts.checks import Levels, checks_of
from web.hosts.details import read_details
from web.hosts.documents import SectionsDocument
from web.hosts.forms import CheckForm, TagsForm
from web.hosts.inventory import read_inventory
from web.hosts.label_lines import read_labels
from web.hosts.lookup import check_name, find_host
from web.hosts.register import HostRegister
from web.http.audit_trail import note
from web.http.errors import MissingError
from web.http.host_paths import HOST_KEY
from web.http.pages import Page
from web.http.parameters import read_form
from web.http.routing import Access, Route, Surface
from web.http.validation import field_errors
from web.http.viewing.texts import gettext
from web.live.shell import PageAddress, Shell
from web.services import Services

log = structlog.get_logger(__name__)

_EVENTS_MS: Final = 30 * 86_400_000
_MOST_EVENTS: Final = 12

HOST: Final = Page(
    path=f"/host/{HOST_KEY}",
    title="Host",
    template="hosts/host_page.html",
    parent="/",
    notices={
        "keys-revoked": "The keys are revoked; reports with them are refused from now on.",
        "tags-saved": "The tags are saved. The host's series go on under the new labels.",
        "check-saved": "The check is saved.",
        "check-reset": "The check is back at its default.",
    },
)
REMOVE_HOST: Final = Page(
    path=f"/host/{HOST_KEY}/remove",
    title="Remove a host",
    template="hosts/remove_host_page.html",
    access=Access.EDITOR,
    parent="/",
)


class HostPages:
    """Shows one host, changes its checks and removes it."""

    def __init__(
        self, services: Services, fleet: Fleet, register: HostRegister, shell: Shell
    ) -> None:
        self._services, self._fleet, self._register = services, fleet, register
        self._shell = shell
        self._marks = HostMarks(
            services.engine, services.annotations, services.alerts, services.clock
        )
        shell.add_region("host", "hosts/host_live.html", self._region, is_shared=True)

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        access, page = Access.EDITOR, Surface.PAGE
        return (
            self._shell.route(HOST, self.show),
            Route("POST", f"/host/{HOST_KEY}/checks/{{check}}", self.set_check, access, page),
            Route("POST", f"/host/{HOST_KEY}/tags", self.set_tags, access, page),
            self._shell.route(REMOVE_HOST, self.confirm_removal),
            Route("POST", f"/host/{HOST_KEY}/remove", self.remove, access, page),
        )

    async def show(self, request: web.Request) -> web.Response:
        """Show the host."""
        return await self._page(request, 200, {}, {})

    async def _page(
        self,
        request: web.Request,
        status: int,
        problems: Mapping[str, str],
        given: Mapping[str, str],
    ) -> web.Response:
        host = await find_host(self._fleet, request)
        chosen = request.query.get("range", DEFAULT_RANGE)
        chosen = chosen if chosen in RANGES else DEFAULT_RANGE
        sections = await self._sections(request, host, chosen)
        return await self._shell.page(
            request,
            HOST,
            status,
            ranges=tuple(RANGES),
            default_range=DEFAULT_RANGE,
            chosen_range=chosen,
            sections=sections,
            first_keys=first_keys(sections) if sections else [],
            compare=request.query.get("compare", ""),
            checks=checks_of(host.instance, self._services.alerting, self._services.host_checks()),
            problems=problems,
            given=given,
            keys=await self._register.keyring.of_host(host) if host.pushes else (),
            **await self._region(PageAddress.of(request)),
        )

    async def _sections(
        self, request: web.Request, host: FleetHost, chosen: str
    ) -> SectionsDocument | None:
        """Return the charts of the host; None at fixed times, which the page's script reads."""
        if "from" in request.query:
            return None
        engine, interval_s = self._services.engine, host.interval_s or 15.0
        try:
            now_ms = self._services.clock()
            grid = await range_grid(engine, host.instance, interval_s, chosen, now_ms)
            return await read_sections(engine, host.instance, grid)
        except PromQLError as exc:
            # The script asks again, and shows what is wrong.
            log.warning("host_sections_failed", host=host.name, error=str(exc))
            return None

    async def _region(self, address: PageAddress) -> Mapping[str, Any]:
        view = await self._fleet.view()
        host = view.find(address.key)
        if host is None:
            raise MissingError("there is no such host")
        settings, engine = self._services.host_checks(), self._services.engine
        interval_s = host.interval_s or 15.0
        details, inventory = await asyncio.gather(
            read_details(engine, host.instance, settings.disk, view.time_ms),
            read_inventory(engine, host.instance, interval_s, view.time_ms),
        )
        return {
            "host": host,
            "details": details,
            "inventory": inventory,
            "events": await self._events(host, view.time_ms),
            "alerts": [
                alert for alert in view.alerts if alert.labels.get("instance") == host.instance
            ],
            "levels": Levels(self._services.alerting),
            "cpu_window_s": cpu_window_ms(settings, interval_s) / 1000,
        }

    async def _events(self, host: FleetHost, now_ms: int) -> list[HostMark]:
        """Return what happened to a host in the last 30 days, the latest first."""
        start_ms = now_ms - _EVENTS_MS
        marks = await self._marks.recorded(host.instance, start_ms, now_ms)
        if host.figures.uptime_s is not None:
            booted_ms = now_ms - round(host.figures.uptime_s * 1000)
            if booted_ms >= start_ms:
                marks.append(HostMark(booted_ms, booted_ms, gettext("Booted"), "reboot"))
        return sorted(marks, key=lambda mark: mark.start_ms, reverse=True)[:_MOST_EVENTS]

    async def set_check(self, request: web.Request) -> web.Response:
        """Give the host its own settings for a check, or reset it to the default."""
        host = await find_host(self._fleet, request)
        check = check_name(request)
        fields = await read_form(request)
        if fields.pop("action", "save") == "reset":
            await self._services.alerting.remove_override(host.instance, check)
            note(request, "check.reset", host.name, check=check)
            return _back(host, "check-reset")
        fields["enabled"] = "true" if "enabled" in fields else "false"
        try:
            applied = self._services.alerting.check_of(host.instance, CheckName(check))
            form = CheckForm.model_validate(fields).with_recovery_kept(applied)
            await self._services.alerting.set_override(form.override(host.instance, check))
            note(request, "check.set", host.name, check=check)
        except ValidationError as exc:
            return await self._page(
                request, 400, {check: "; ".join(field_errors(exc).values())}, fields
            )
        except BadOverrideError as exc:
            return await self._page(request, 400, {check: str(exc)}, fields)
        return _back(host, "check-saved")

    async def set_tags(self, request: web.Request) -> web.Response:
        """Give the host other tags."""
        host = await find_host(self._fleet, request)
        fields = await read_form(request)
        tags, problem = read_labels(fields.get("tags", ""))
        if not problem:
            try:
                form = TagsForm.model_validate({"tags": tags})
            except ValidationError as exc:
                problem = "; ".join(field_errors(exc).values())
        if problem:
            return await self._page(request, 400, {"tags": problem}, fields)
        await self._register.relabel([(host, Labels.of(form.tags))])
        note(request, "host.tags", host.name, tags=" ".join(sorted(form.tags))[:200])
        return web.Response(status=303, headers={"Location": f"{host.path}?notice=tags-saved"})

    async def confirm_removal(self, request: web.Request) -> web.Response:
        """Ask for confirmation."""
        host = await find_host(self._fleet, request)
        return await self._shell.page(request, REMOVE_HOST, host=host)

    async def remove(self, request: web.Request) -> web.Response:
        """Remove the host; its samples stay."""
        host = await find_host(self._fleet, request)
        await self._register.remove(host)
        note(request, "host.remove", host.name)
        raise web.HTTPSeeOther("/?notice=host-removed")


def _back(host: FleetHost, notice: str) -> web.Response:
    return web.Response(status=303, headers={"Location": f"{host.path}?notice={notice}#checks"})
