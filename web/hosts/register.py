"""Adding and removing hosts, as the API and the pages both do."""

from collections.abc import Iterable

from aiohttp.helpers import is_ip_address
from yarl import URL

from model.labels import Labels
from storage.api.errors import TakenError
from storage.api.hosts import Host, NewHost, with_own_instance
from web.fleet.fleet import Fleet
from web.fleet.hosts import FleetHost
from web.hosts.forms import HostForm
from web.hosts.keys import HostKeyring, IssuedKey
from web.http.errors import BadRequestError, ConflictError
from web.services import Services


class HostRegister:
    """Adds and removes hosts.

    Attributes:
        keyring: manages the keys of hosts that push.
    """

    def __init__(self, services: Services, fleet: Fleet) -> None:
        self._services, self._fleet = services, fleet
        self.keyring = HostKeyring(services.pushes.keys, services.clock)

    async def add(self, form: HostForm) -> tuple[Host, IssuedKey | None]:
        """Register a host, which is scraped from now on or may push with its key.

        Raises:
            TakenError: another host has its name, URL, `instance` label or key already.
            BadRequestError: its IP address may not be scraped. A host name is resolved
                and checked at each scrape instead.
        """
        host: Host
        issued: IssuedKey | None = None
        if form.push:
            host, issued = await self.keyring.register(self._beside_configured(form), form.key)
        else:
            self._check_address(form.url)
            new = self._beside_configured(form)
            host = await self._services.hosts.add(new, self._services.clock())
        await self._apply_change()
        return host, issued

    def _beside_configured(self, form: HostForm) -> NewHost:
        """Return the host, whose name, URL and `instance` no host of the configuration has."""
        new, taken = form.host(), dict[str, str]()
        for status in self._services.targets():
            target = status.target
            if target.host is None or target.host_id is not None:
                continue
            hint = "it comes from the server's configuration"
            if target.host == new.name:
                raise TakenError("host", "name", new.name, hint)
            if new.url and target.url == new.url:
                raise TakenError("host", "url", new.url, hint)
            taken[target.instance] = target.host
        return with_own_instance(new, taken)

    def _check_address(self, url: str) -> None:
        address = URL(url).host or ""
        if is_ip_address(address):
            refusal = self._services.added_hosts().policy().refusal(address)
            if refusal:
                raise BadRequestError(f"url: {refusal}", "url")

    async def remove(self, host: FleetHost) -> None:
        """Remove a host; its samples stay.

        Raises:
            ConflictError: the host is in the configuration file.
            NotFoundError: it was removed concurrently.
        """
        await self.remove_all([host])

    async def relabel(self, changes: Iterable[tuple[FleetHost, Labels]]) -> None:
        """Give hosts other tags; their series go on under the new labels.

        Raises:
            ConflictError: a host is in the configuration file.
            NotFoundError: one was removed concurrently.
        """
        for host, labels in changes:
            await self._services.hosts.relabel(_registered(host, "change"), labels)
        await self._apply_change()

    async def remove_all(self, hosts: Iterable[FleetHost]) -> None:
        """Remove several hosts; see `remove`."""
        for host in hosts:
            await self._services.hosts.remove(_registered(host, "remove"))
        await self._apply_change()

    async def _apply_change(self) -> None:
        await self._services.hosts_changed()
        self._fleet.forget()


def _registered(host: FleetHost, verb: str) -> int:
    if host.id is None:
        raise ConflictError(f"{host.name} is in the configuration file; {verb} it there")
    return host.id
