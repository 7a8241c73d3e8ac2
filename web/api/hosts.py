"""`/api/fleet`, `/api/hosts` and each host's checks."""

from aiohttp import web
from aiohttp.helpers import is_ip_address
from yarl import URL

from storage.api.hosts import Host
from web.answers import json_answer
from web.checks import TITLES, checks_of
from web.documents import check_document, fleet_host_document
from web.errors import BadRequestError, ConflictError, MissingError
from web.fleet import Fleet, FleetHost
from web.host_forms import CheckForm, HostForm
from web.parameters import read_json
from web.routing import KEY, Access, Route, Surface
from web.services import Services


class HostRegister:
    """Adds and removes hosts: what the API and the pages both do."""

    def __init__(self, services: Services, fleet: Fleet) -> None:
        self._services, self._fleet = services, fleet

    async def add(self, form: HostForm) -> Host:
        """Register a host; it is scraped from now on.

        Raises:
            TakenError: its name or URL is registered already.
            BadRequestError: nothing may be scraped at its address; of a name that is
                found out when it is scraped.
        """
        address = URL(form.url).host or ""
        if is_ip_address(address):
            refusal = self._services.added_hosts().reach().refusal(address)
            if refusal:
                raise BadRequestError(f"url: {refusal}", "url")
        host = await self._services.hosts.add(form.host(), self._services.clock())
        await self._changed()
        return host

    async def remove(self, host: FleetHost) -> None:
        """Forget a host; its samples stay.

        Raises:
            ConflictError: the configuration file names it, so it would come back.
            NotFoundError: it was removed meanwhile.
        """
        if host.id is None:
            raise ConflictError(f"{host.name} is in the configuration file; remove it there")
        await self._services.hosts.remove(host.id)
        await self._changed()

    async def _changed(self) -> None:
        await self._services.hosts_changed()
        self._fleet.forget()


class HostsApi:
    """Hosts as JSON."""

    def __init__(self, services: Services, fleet: Fleet, register: HostRegister) -> None:
        self._services, self._fleet, self._register = services, fleet, register

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        return tuple(
            Route(method, path, handler, access, Surface.JSON)
            for method, path, handler, access in (
                ("GET", "/api/fleet", self.fleet, Access.VIEWER),
                ("GET", "/api/hosts", self.registered, Access.VIEWER),
                ("POST", "/api/hosts", self.add, Access.EDITOR),
                ("GET", f"/api/hosts/{KEY}", self.host, Access.VIEWER),
                ("DELETE", f"/api/hosts/{KEY}", self.remove, Access.EDITOR),
                ("GET", f"/api/hosts/{KEY}/checks", self.checks, Access.VIEWER),
                ("PUT", f"/api/hosts/{KEY}/checks/{{check}}", self.set_check, Access.EDITOR),
                (
                    "DELETE",
                    f"/api/hosts/{KEY}/checks/{{check}}",
                    self.reset_check,
                    Access.EDITOR,
                ),
            )
        )

    async def fleet(self, request: web.Request) -> web.Response:
        """List every host, registered or configured, with its current figures."""
        view = await self._fleet.view()
        return json_answer({"hosts": [fleet_host_document(host) for host in view.hosts]})

    async def registered(self, request: web.Request) -> web.Response:
        """List the registered hosts with their current figures."""
        view = await self._fleet.view()
        hosts = [fleet_host_document(host) for host in view.hosts if host.id is not None]
        return json_answer({"hosts": hosts})

    async def add(self, request: web.Request) -> web.Response:
        """Register a host."""
        added = await self._register.add(await read_json(request, HostForm))
        host = await self._fleet.host(str(added.id))
        if host is None:
            raise MissingError("the host was removed meanwhile")
        location = {"Location": f"/api/hosts/{added.id}"}
        return json_answer(fleet_host_document(host), 201, location)

    async def host(self, request: web.Request) -> web.Response:
        """Show one host."""
        return json_answer(fleet_host_document(await self.find(request)))

    async def remove(self, request: web.Request) -> web.Response:
        """Forget a host."""
        await self._register.remove(await self.find(request))
        return web.Response(status=204)

    async def checks(self, request: web.Request) -> web.Response:
        """List the host's checks."""
        host = await self.find(request)
        views = checks_of(host.instance, self._services.alerting, self._services.host_checks())
        return json_answer({"checks": [check_document(view) for view in views]})

    async def set_check(self, request: web.Request) -> web.Response:
        """Give the host its own settings for one check."""
        host, check = await self.find(request), self._check(request)
        form = await read_json(request, CheckForm)
        await self._services.alerting.set_override(form.override(host.instance, check))
        return await self.checks(request)

    async def reset_check(self, request: web.Request) -> web.Response:
        """Return one check to the default."""
        host, check = await self.find(request), self._check(request)
        await self._services.alerting.remove_override(host.instance, check)
        return await self.checks(request)

    async def find(self, request: web.Request) -> FleetHost:
        """Return the host that the URL names.

        Raises:
            MissingError: there is none.
        """
        key = request.match_info["key"]
        host = await self._fleet.host(key)
        if host is None:
            raise MissingError(f"no host {key!r}")
        return host

    def _check(self, request: web.Request) -> str:
        name = request.match_info["check"]
        if name not in TITLES:
            raise MissingError(f"no check {name!r}")
        return name
