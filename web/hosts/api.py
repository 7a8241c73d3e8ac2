"""`/api/fleet`, `/api/hosts` and `/api/hosts/{key}/checks`."""

from collections.abc import Callable

from aiohttp import web

from alerting.check_settings import CheckName, HostCheckSettings
from model.labels import Labels
from web.fleet.documents import FleetHostDocument, fleet_host_document
from web.fleet.fleet import Fleet
from web.hosts.checks import checks_of
from web.hosts.documents import (
    AddedHostDocument,
    ChecksDocument,
    HostsDocument,
    check_document,
)
from web.hosts.forms import CheckForm, HostForm, TagsForm
from web.hosts.installation import ExporterInstaller
from web.hosts.lookup import check_name, find_host
from web.hosts.register import HostRegister
from web.http.audit_trail import note
from web.http.errors import MissingError
from web.http.host_paths import HOST_KEY
from web.http.operations import Operation
from web.http.parameters import Parameters, read_json
from web.http.responses import json_response
from web.http.routing import Access, Route, json_routes
from web.services import Alerting


class CheckPath(Parameters):
    """The path parameters of one check of a host."""

    key: str
    check: CheckName


class HostsApi:
    """Hosts as JSON."""

    def __init__(
        self,
        fleet: Fleet,
        register: HostRegister,
        alerting: Alerting,
        host_checks: Callable[[], HostCheckSettings],
        installer: ExporterInstaller,
    ) -> None:
        self._fleet, self._register = fleet, register
        self._alerting, self._host_checks = alerting, host_checks
        self._installer = installer

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        tag, host, look, edit = "hosts", f"/api/hosts/{HOST_KEY}", Access.VIEWER, Access.EDITOR
        check = f"{host}/checks/{{check}}"
        every = Operation(tag, HostsDocument)
        add = Operation(tag, AddedHostDocument, HostForm, status=201, errors=(404, 409))
        one = Operation(tag, FleetHostDocument, errors=(404,))
        tags = Operation(tag, FleetHostDocument, TagsForm, errors=(404, 409))
        remove = Operation(tag, status=204, errors=(404, 409))
        checks = Operation(tag, ChecksDocument, errors=(404,))
        set_check = Operation(tag, ChecksDocument, CheckForm, path=CheckPath, errors=(404,))
        reset = Operation(tag, ChecksDocument, path=CheckPath, errors=(404,))
        return json_routes(
            ("GET", "/api/fleet", self.fleet, look, every),
            ("GET", "/api/hosts", self.registered, look, every),
            ("POST", "/api/hosts", self.add, edit, add),
            ("GET", host, self.host, look, one),
            ("DELETE", host, self.remove, edit, remove),
            ("PUT", f"{host}/tags", self.set_tags, edit, tags),
            ("GET", f"{host}/checks", self.checks, look, checks),
            ("PUT", check, self.set_check, edit, set_check),
            ("DELETE", check, self.reset_check, edit, reset),
        )

    async def fleet(self, request: web.Request) -> web.Response:
        """List all hosts, registered or configured, with their current figures."""
        view = await self._fleet.view()
        return json_response({"hosts": [fleet_host_document(host) for host in view.hosts]})

    async def registered(self, request: web.Request) -> web.Response:
        """List the registered hosts with their current figures."""
        view = await self._fleet.view()
        hosts = [fleet_host_document(host) for host in view.hosts if host.id is not None]
        return json_response({"hosts": hosts})

    async def add(self, request: web.Request) -> web.Response:
        """Register a host; the key of a host that pushes is returned only now."""
        added, issued = await self._register.add(await read_json(request, HostForm))
        note(request, "host.add", added.name, url=added.url or "pushes")
        host = await self._fleet.host(str(added.id))
        if host is None:
            raise MissingError("the host was removed in the meantime")
        location = {"Location": f"/api/hosts/{added.id}"}
        document = dict(fleet_host_document(host))
        if issued is not None:
            document["key"] = issued.secret
        line = await self._installer.line(request, "" if issued is None else issued.secret)
        if line is not None:
            document["install"] = line.command
            if line.warning:
                document["install_warning"] = line.warning
        return json_response(document, 201, location)

    async def host(self, request: web.Request) -> web.Response:
        """Show one host."""
        return json_response(fleet_host_document(await find_host(self._fleet, request)))

    async def remove(self, request: web.Request) -> web.Response:
        """Remove a host; its samples stay."""
        host = await find_host(self._fleet, request)
        await self._register.remove(host)
        note(request, "host.remove", host.name)
        return web.Response(status=204)

    async def set_tags(self, request: web.Request) -> web.Response:
        """Give a host other tags: all its labels but `job` and `instance`."""
        host = await find_host(self._fleet, request)
        form = await read_json(request, TagsForm)
        await self._register.relabel([(host, Labels.of(form.tags))])
        note(request, "host.tags", host.name, tags=" ".join(sorted(form.tags))[:200])
        return await self.host(request)

    async def checks(self, request: web.Request) -> web.Response:
        """List the host's checks."""
        host = await find_host(self._fleet, request)
        views = checks_of(host.instance, self._alerting, self._host_checks())
        return json_response({"checks": [check_document(view) for view in views]})

    async def set_check(self, request: web.Request) -> web.Response:
        """Give the host its own settings for one check."""
        host, check = await find_host(self._fleet, request), check_name(request)
        form = await read_json(request, CheckForm)
        await self._alerting.set_override(form.override(host.instance, check))
        note(request, "check.set", host.name, check=check)
        return await self.checks(request)

    async def reset_check(self, request: web.Request) -> web.Response:
        """Reset one check of the host to the default."""
        host, check = await find_host(self._fleet, request), check_name(request)
        await self._alerting.remove_override(host.instance, check)
        note(request, "check.reset", host.name, check=check)
        return await self.checks(request)
