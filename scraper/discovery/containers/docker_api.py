"""Requests to a Docker daemon, and the networks that Docker and Swarm share.

Source: Docker documentation, "Docker Engine API", Networks.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import quote, urlsplit

from pydantic import Field, TypeAdapter

from scraper.discovery.engine.api import ApiObject, ApiRequest, get
from scraper.discovery.engine.target_labels import boolean, labels_of_map, prefixed
from scraper.discovery.groups import DiscoveryError
from scraper.fetching.http_access import HttpAccess
from scraper.fetching.http_session import HttpSession

T = TypeVar("T")

Filters = tuple[tuple[str, tuple[str, ...]], ...]
"""The name of each filter, and its values."""


class _DockerNetwork(ApiObject):
    id: str = Field(alias="Id")
    name: str = Field("", alias="Name")
    scope: str = Field("", alias="Scope")
    internal: bool = Field(default=False, alias="Internal")
    ingress: bool = Field(default=False, alias="Ingress")
    labels: dict[str, str] = Field({}, alias="Labels")


_NETWORKS = TypeAdapter(list[_DockerNetwork])


@dataclass(frozen=True, slots=True)
class DockerDaemon:
    """A Docker daemon.

    Attributes:
        host: its address, with the scheme unix, tcp, http or https.
        access: the options of requests over http and https.
    """

    host: str
    access: HttpAccess

    async def get(
        self, session: HttpSession, path: str, adapter: TypeAdapter[T], filters: Filters = ()
    ) -> T:
        """Return the answer of a path.

        Raises:
            DiscoveryError: the daemon cannot be reached, or answers something else.
        """
        base, access = self._endpoint()
        url = base + path
        if filters:
            wanted: dict[str, dict[str, bool]] = {}
            for name, values in filters:
                wanted.setdefault(name, {}).update(dict.fromkeys(values, True))
            url += f"?filters={quote(json.dumps(wanted))}"
        return await get(session, ApiRequest(url, access), adapter)

    def _endpoint(self) -> tuple[str, HttpAccess]:
        parts = urlsplit(self.host)
        match parts.scheme:
            case "unix":
                return "http://docker", HttpAccess(unix_socket=parts.netloc + parts.path)
            case "tcp":
                return _http_url(self.host), HttpAccess()
            case "http" | "https":
                return self.host.rstrip("/"), self.access
        raise DiscoveryError(f'host "{self.host}": the scheme must be unix, tcp, http or https')

    async def network_labels(
        self, session: HttpSession, prefix: str
    ) -> Mapping[str, Mapping[str, str]]:
        """Return the labels of each network, by the network's identifier."""
        return {
            network.id: prefixed(
                f"{prefix}network_",
                {
                    "id": network.id,
                    "name": network.name,
                    "scope": network.scope,
                    "internal": boolean(network.internal),
                    "ingress": boolean(network.ingress),
                },
            )
            | labels_of_map(f"{prefix}network_label_", network.labels)
            for network in await self.get(session, "/networks", _NETWORKS)
        }


def _http_url(host: str) -> str:
    """Return an address of the scheme tcp as an HTTP URL."""
    return "http://" + host.removeprefix("tcp://").rstrip("/")
