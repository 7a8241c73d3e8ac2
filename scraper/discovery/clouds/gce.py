"""GCE discovery: the instances of a zone of Google Compute Engine.

Source: Google Cloud documentation, "Compute Engine API", instances.list; Prometheus
documentation, "Configuration", gce_sd_config.
"""

from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

from pydantic import Field, TypeAdapter

from scraper.discovery.clouds.google_credentials import GoogleCredentials
from scraper.discovery.engine.api import ApiObject, ApiRequest, get
from scraper.discovery.engine.target_labels import (
    ADDRESS,
    host_port,
    joined,
    labels_of_map,
    prefixed,
    sanitized,
    target,
)
from scraper.discovery.groups import DiscoveryError, TargetGroup
from scraper.fetching.http_access import HttpAccess
from scraper.fetching.http_session import HttpSession

_PREFIX = "__meta_gce_"
_SERVER = "https://compute.googleapis.com"
_MAX_PAGES = 1000


class _AccessConfig(ApiObject):
    type: str = ""
    address: str = Field("", alias="natIP")


class _Interface(ApiObject):
    name: str = ""
    network: str = ""
    subnetwork: str = ""
    address: str = Field("", alias="networkIP")
    access: tuple[_AccessConfig, ...] = Field((), alias="accessConfigs")


class _Tags(ApiObject):
    items: tuple[str, ...] = ()


class _MetadataEntry(ApiObject):
    key: str = ""
    value: str | None = None


class _Metadata(ApiObject):
    items: tuple[_MetadataEntry, ...] = ()


class _GceInstance(ApiObject):
    id: str | int = ""
    name: str = ""
    status: str = ""
    zone: str = ""
    machine_type: str = Field("", alias="machineType")
    interfaces: tuple[_Interface, ...] = Field((), alias="networkInterfaces")
    tags: _Tags = _Tags()
    metadata: _Metadata = _Metadata()
    labels: dict[str, str] = Field({})


class _GcePage(ApiObject):
    items: tuple[_GceInstance, ...] = ()
    next: str = Field("", alias="nextPageToken")


_PAGE = TypeAdapter(_GcePage)


@dataclass(frozen=True, slots=True)
class GceLookup:
    """Lists the instances of a zone.

    Attributes:
        project, zone: the zone.
        filter: restricts the instances.
        port: the port of every target.
        tag_separator: stands between the tags of an instance.
        credentials: finds an access token.
        server: the URL of the API.
    """

    project: str
    zone: str
    filter: str
    port: int
    tag_separator: str
    credentials: GoogleCredentials = field(default_factory=GoogleCredentials)
    server: str = _SERVER

    @property
    def mechanism(self) -> str:
        """See `Lookup.mechanism`."""
        return "gce"

    @property
    def place(self) -> dict[str, str]:
        """See `Lookup.place`."""
        return {"project": self.project, "zone": self.zone}

    async def groups(self, session: HttpSession) -> list[TargetGroup]:
        """See `Lookup.groups`."""
        authorization = ("Authorization", f"Bearer {await self.credentials.token(session)}")
        path = f"projects/{quote(self.project, safe='')}/zones/{quote(self.zone, safe='')}"
        query = {"filter": self.filter} if self.filter else {}
        groups: list[TargetGroup] = []
        for _ in range(_MAX_PAGES):
            url = f"{self.server}/compute/v1/{path}/instances?{urlencode(query)}"
            page = await get(session, ApiRequest(url, HttpAccess(), (authorization,)), _PAGE)
            groups += [self._target(each) for each in page.items if each.interfaces]
            if not page.next:
                return groups
            query["pageToken"] = page.next
        raise DiscoveryError("unexpected answer: the list of instances does not end")

    def _target(self, instance: _GceInstance) -> TargetGroup:
        first = instance.interfaces[0]
        meta = {
            "project": self.project,
            "zone": instance.zone,
            "instance_id": str(instance.id),
            "instance_name": instance.name,
            "instance_status": instance.status,
            "machine_type": instance.machine_type,
            "network": first.network,
            "subnetwork": first.subnetwork,
            "private_ip": first.address,
            "tags": joined(instance.tags.items, self.tag_separator),
        }
        for interface in instance.interfaces:
            meta[f"interface_ipv4_{sanitized(interface.name)}"] = interface.address
        if first.access and first.access[0].type == "ONE_TO_ONE_NAT":
            meta["public_ip"] = first.access[0].address
        metadata = {each.key: each.value for each in instance.metadata.items if each.value}
        return target(
            prefixed(_PREFIX, meta)
            | labels_of_map(f"{_PREFIX}metadata_", metadata)
            | labels_of_map(f"{_PREFIX}label_", instance.labels)
            | {ADDRESS: host_port(first.address, self.port)}
        )
