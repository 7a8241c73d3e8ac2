"""`/api/fleet`, `/api/hosts` and each host's checks."""

from aiohttp import web
from aiohttp.helpers import is_ip_address
from yarl import URL

from alerting.checks.checks import CheckName
from storage.api.hosts import Host
from web.fleet.document_types import ChecksDocument, FleetHostDocument, HostsDocument
from web.fleet.documents import check_document, fleet_host_document
from web.fleet.fleet import Fleet, FleetHost
from web.hosts.checks import TITLES, checks_of
from web.hosts.forms import CheckForm, HostForm
from web.hosts.keys import HostKeyring, IssuedKey
from web.http.answers import json_answer
from web.http.audit_trail import note
from web.http.errors import BadRequestError, ConflictError, MissingError
from web.http.operations import Operation
from web.http.parameters import Parameters, read_json
from web.http.routing import KEY, Access, Route, Surface
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
            BadRequestError: nothing may be scraped at its address; of a name that is
                found out when it is scraped.
        """
        host: Host
        issued: IssuedKey | None = None
        if form.push:
            host, issued = await self.keyring.register(form.host(), form.key)
        else:
            self._check_reach(form.url)
            host = await self._services.hosts.add(form.host(), self._services.clock())
        await self._changed()
        return host, issued

    def _check_reach(self, url: str) -> None:
        address = URL(url).host or ""
        if is_ip_address(address):
            refusal = self._services.added_hosts().reach().refusal(address)
            if refusal:
                raise BadRequestError(f"url: {refusal}", "url")

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


class CheckPath(Parameters):
    """A path with a host and one of its checks."""

    key: str
    check: CheckName


class HostsApi:
    """Hosts as JSON."""

    def __init__(self, services: Services, fleet: Fleet, register: HostRegister) -> None:
        self._services, self._fleet, self._register = services, fleet, register

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        tag, host, look, edit = "hosts", f"/api/hosts/{KEY}", Access.VIEWER, Access.EDITOR
        check = f"{host}/checks/{{check}}"
        every = Operation(tag, HostsDocument)
        add = Operation(tag, FleetHostDocument, HostForm, status=201, errors=(404, 409))
        one = Operation(tag, FleetHostDocument, errors=(404,))
        remove = Operation(tag, status=204, errors=(404, 409))
        checks = Operation(tag, ChecksDocument, errors=(404,))
        set_check = Operation(tag, ChecksDocument, CheckForm, path=CheckPath, errors=(404,))
        reset = Operation(tag, ChecksDocument, path=CheckPath, errors=(404,))
        return tuple(
            Route(method, path, handler, access, Surface.JSON, operation=operation)
            for method, path, handler, access, operation in (
                ("GET", "/api/fleet", self.fleet, look, every),
                ("GET", "/api/hosts", self.registered, look, every),
                ("POST", "/api/hosts", self.add, edit, add),
                ("GET", host, self.host, look, one),
                ("DELETE", host, self.remove, edit, remove),
                ("GET", f"{host}/checks", self.checks, look, checks),
                ("PUT", check, self.set_check, edit, set_check),
                ("DELETE", check, self.reset_check, edit, reset),
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
        note(request, "host.add", added.name, url=added.url or "pushes")
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
        host = await self.find(request)
        await self._register.remove(host)
        note(request, "host.remove", host.name)
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
        note(request, "check.set", host.name, check=check)
        return await self.checks(request)

    async def reset_check(self, request: web.Request) -> web.Response:
        """Return one check to the default."""
        host, check = await self.find(request), self._check(request)
        await self._services.alerting.remove_override(host.instance, check)
        note(request, "check.reset", host.name, check=check)
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
