"""Azure discovery: the virtual machines of a subscription, also those of scale sets.

Source: Microsoft documentation, "Azure REST API reference", Virtual Machines, Virtual
Machine Scale Sets and Network Interfaces; Prometheus documentation, "Configuration",
azure_sd_config.
"""

import asyncio
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TypeVar
from urllib.parse import quote

from pydantic import TypeAdapter

from scraper.discovery.clouds.azure_credentials import AzureCredentials
from scraper.discovery.clouds.azure_objects import (
    INTERFACE,
    MACHINES,
    SCALE_SETS,
    AzureInterface,
    AzureMachine,
    AzurePage,
)
from scraper.discovery.engine.api import ApiRequest, ApiStatusError, get
from scraper.discovery.engine.target_labels import (
    ADDRESS,
    host_port,
    labels_of_map,
    prefixed,
    target,
)
from scraper.discovery.groups import DiscoveryError, TargetGroup
from scraper.fetching.http_access import Authorization, HttpAccess
from scraper.fetching.http_session import HttpSession
from scraper.fetching.secrets import Secret

P = TypeVar("P", bound=AzurePage)

_PREFIX = "__meta_azure_"
_COMPUTE_VERSION = "2023-09-01"
_NETWORK_VERSION = "2023-09-01"
_SCALE_SET_NETWORK_VERSION = "2018-10-01"
_EXPANDED = "$expand=IPConfigurations%2FPublicIPAddress"
_MAX_PAGES = 1000
# Each machine needs a request of its own; Azure limits a subscription to about 30 a second.
_PARALLEL_REQUESTS = 10
_NOT_FOUND = 404


@dataclass(frozen=True, slots=True)
class AzureCloud:
    """One of Azure's clouds: the URLs of its identity platform and of its APIs."""

    login: str
    manager: str


@dataclass(frozen=True, slots=True)
class AzureLookup:
    """Lists the virtual machines of a subscription.

    Attributes:
        cloud: the cloud.
        credentials: gets access tokens.
        access: TLS and proxy.
        subscription_id: the subscription.
        resource_group: restricts the machines; "" for all groups.
        port: the port of every target.
    """

    cloud: AzureCloud
    credentials: AzureCredentials
    access: HttpAccess
    subscription_id: str
    resource_group: str
    port: int

    @property
    def mechanism(self) -> str:
        """See `Lookup.mechanism`."""
        return "azure"

    @property
    def place(self) -> dict[str, str]:
        """See `Lookup.place`."""
        return {"subscription": self.subscription_id}

    async def groups(self, session: HttpSession) -> list[TargetGroup]:
        """See `Lookup.groups`."""
        manager = self.cloud.manager
        token = await self.credentials.token(session, self.cloud.login, manager, self.access)
        bearer = Authorization("Bearer", Secret(token))
        run = _Run(self, session, replace(self.access, auth=bearer))
        machines = await run.machines()
        try:
            async with asyncio.TaskGroup() as tasks:
                found = [tasks.create_task(run.target(*machine)) for machine in machines]
        except ExceptionGroup as exc:
            raise _first_failure(exc) from exc
        return [group for each in found if (group := each.result()) is not None]


def _first_failure(group: ExceptionGroup[Exception]) -> Exception:
    """Return the first failed lookup of a group; the group itself after another error."""
    failures = [exc for exc in group.exceptions if isinstance(exc, DiscoveryError)]
    return failures[0] if len(failures) == len(group.exceptions) else group


class _Run:
    """One lookup, with its token."""

    def __init__(self, lookup: AzureLookup, session: HttpSession, access: HttpAccess) -> None:
        self._lookup, self._session, self._access = lookup, session, access
        self._limit = asyncio.Semaphore(_PARALLEL_REQUESTS)

    async def machines(self) -> list[tuple[AzureMachine, str]]:
        """Return the machines, each with the name of its scale set, "" if it is in none."""
        own = self._lookup
        group = f"/resourceGroups/{quote(own.resource_group)}" if own.resource_group else ""
        base = f"/subscriptions/{quote(own.subscription_id)}{group}/providers/Microsoft.Compute"
        machines = [
            (machine, "")
            for page in await self._pages(f"{base}/virtualMachines", MACHINES)
            for machine in page.value
        ]
        for sets in await self._pages(f"{base}/virtualMachineScaleSets", SCALE_SETS):
            for scale_set in sets.value:
                pages = await self._pages(f"{scale_set.id}/virtualMachines", MACHINES)
                machines += [(each, scale_set.name) for page in pages for each in page.value]
        return machines

    async def _pages(self, path: str, adapter: TypeAdapter[P]) -> list[P]:
        manager = self._lookup.cloud.manager
        url = f"{manager}{path}?api-version={_COMPUTE_VERSION}"
        pages: list[P] = []
        while url:
            # The token must not go to another server.
            if not url.startswith(f"{manager}/"):
                raise DiscoveryError(f"unexpected answer: the next page is at {url}")
            if len(pages) == _MAX_PAGES:
                raise DiscoveryError("unexpected answer: a list does not end")
            pages.append(await get(self._session, ApiRequest(url, self._access), adapter))
            url = pages[-1].next_link
        return pages

    async def target(self, machine: AzureMachine, scale_set: str) -> TargetGroup | None:
        """Return the target of a machine, None if it is deallocated."""
        for identifier in machine.interface_ids:
            path, version = identifier, _NETWORK_VERSION
            if scale_set:
                path = self._path_in_scale_set(machine, scale_set, identifier)
                version = _SCALE_SET_NETWORK_VERSION
            interface = await self._interface(path, version)
            # Deallocated machines have no primary interface.
            if interface is None or interface.properties.primary is None:
                return None
            if interface.properties.primary:
                return self._with_address(machine, scale_set, interface)
        return None

    def _path_in_scale_set(self, machine: AzureMachine, scale_set: str, identifier: str) -> str:
        return (
            f"/subscriptions/{quote(self._lookup.subscription_id)}"
            f"/resourceGroups/{quote(resource_group(identifier))}/providers/microsoft.Compute"
            f"/virtualMachineScaleSets/{quote(scale_set)}"
            f"/virtualMachines/{quote(machine.instance_id)}"
            f"/networkInterfaces/{quote(identifier.rpartition('/')[2])}"
        )

    async def _interface(self, path: str, version: str) -> AzureInterface | None:
        """Return a network interface, None if it does not exist any more."""
        if not path.startswith("/"):
            raise DiscoveryError(f'unexpected answer: network interface "{path}"')
        url = f"{self._lookup.cloud.manager}{path}?api-version={version}&{_EXPANDED}"
        async with self._limit:
            try:
                return await get(self._session, ApiRequest(url, self._access), INTERFACE)
            except ApiStatusError as exc:
                if exc.status == _NOT_FOUND:
                    return None
                raise

    def _with_address(
        self, machine: AzureMachine, scale_set: str, interface: AzureInterface
    ) -> TargetGroup:
        address = interface.first_address()
        if not address.private:
            raise DiscoveryError(f'machine "{machine.name}" has no private address')
        properties = machine.properties
        meta = {
            "subscription_id": self._lookup.subscription_id,
            "tenant_id": self._lookup.credentials.tenant_id,
            "machine_id": machine.id,
            "machine_name": machine.name,
            "machine_computer_name": properties.os.computer_name,
            "machine_os_type": properties.storage.disk.os_type,
            "machine_location": machine.location,
            "machine_resource_group": resource_group(machine.id),
            "machine_size": properties.hardware.size,
            "machine_scale_set": scale_set,
            "machine_public_ip": address.public,
            "machine_private_ip": address.private,
        }
        return target(
            prefixed(_PREFIX, meta)
            | labels_of_map(f"{_PREFIX}machine_tag_", machine.tags)
            | {ADDRESS: host_port(address.private, self._lookup.port)}
        )


def resource_group(identifier: str) -> str:
    """Return the resource group in the identifier of a resource.

    Raises:
        DiscoveryError: it contains none.
    """
    parts = identifier.split("/")
    for name, value in pairwise(parts):
        if name.lower() == "resourcegroups":
            return value
    raise DiscoveryError(f'unexpected answer: "{identifier}" names no resource group')
