"""`/api/fleet`, `/api/hosts` and each host's checks."""

from aiohttp import web

from storage.api.hosts import Host
from web.answers import json_answer
from web.checks import TITLES, checks_of
from web.documents import check_document, fleet_host_document
from web.errors import ConflictError, MissingError
from web.fleet import Fleet, FleetHost
from web.host_forms import CheckForm, HostForm
from web.host_keys import HostKeyring, IssuedKey
from web.parameters import read_json
from web.routing import KEY, Access, Route, Surface
from web.services import Services


class HostRegister:
    """Adds and removes hosts: what the API and the pages both do.

    Attributes:
        keyring: of the hosts that push.
    """

    def __init__(self, services: Services, fleet: Fleet) -> None:
        self._services, self._fleet = services, fleet
        self.keyring = HostKeyring(services)

    async def add(self, form: HostForm) -> tuple[Host, IssuedKey | None]:
        """Register a host; it is scraped from now on, or may push with its key.

        Raises:
            TakenError: its name or URL is registered already, or its key in use.
        """
        host: Host
        issued: IssuedKey | None = None
        if form.push:
            host, issued = await self.keyring.register(form.host(), form.key)
        else:
            host = await self._services.hosts.add(form.host(), self._services.clock())
        await self._changed()
        return host, issued

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
        """Register a host; the key of one that pushes is told this once."""
        added, issued = await self._register.add(await read_json(request, HostForm))
        host = await self._fleet.host(str(added.id))
        if host is None:
            raise MissingError("the host was removed meanwhile")
        location = {"Location": f"/api/hosts/{added.id}"}
        document = dict(fleet_host_document(host))
        if issued is not None:
            document["key"] = issued.secret
        return json_answer(document, 201, location)

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
