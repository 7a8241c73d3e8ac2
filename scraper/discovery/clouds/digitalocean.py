"""DigitalOcean discovery: the droplets of an account.

Source: DigitalOcean documentation, "API Reference", Droplets; Prometheus documentation,
"Configuration", digitalocean_sd_config.
"""

from dataclasses import dataclass

from pydantic import TypeAdapter

from scraper.discovery.engine.api import ApiObject, ApiRequest, get
from scraper.discovery.engine.target_labels import ADDRESS, host_port, joined, prefixed, target
from scraper.discovery.groups import DiscoveryError, TargetGroup
from scraper.fetching.http_access import HttpAccess
from scraper.fetching.http_session import HttpSession

_PREFIX = "__meta_digitalocean_"
_SERVER = "https://api.digitalocean.com"
_MAX_PAGES = 1000


class _DropletAddress(ApiObject):
    ip_address: str = ""
    type: str = ""


class _DropletNetworks(ApiObject):
    v4: tuple[_DropletAddress, ...] = ()
    v6: tuple[_DropletAddress, ...] = ()


class _DropletImage(ApiObject):
    slug: str = ""
    name: str = ""


class _Region(ApiObject):
    slug: str = ""


class _Droplet(ApiObject):
    id: int
    name: str = ""
    image: _DropletImage = _DropletImage()
    networks: _DropletNetworks = _DropletNetworks()
    region: _Region = _Region()
    size_slug: str = ""
    status: str = ""
    vpc_uuid: str = ""
    features: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


class _DropletPages(ApiObject):
    next: str = ""


class _Links(ApiObject):
    pages: _DropletPages = _DropletPages()


class _DropletPage(ApiObject):
    droplets: tuple[_Droplet, ...] = ()
    links: _Links = _Links()


_PAGE = TypeAdapter(_DropletPage)


@dataclass(frozen=True, slots=True)
class DigitalOceanLookup:
    """Lists the droplets of an account.

    Attributes:
        access: the API token, TLS and proxy.
        port: the port of every target.
        server: the URL of the API.
    """

    access: HttpAccess
    port: int
    server: str = _SERVER

    @property
    def mechanism(self) -> str:
        """See `Lookup.mechanism`."""
        return "digitalocean"

    @property
    def place(self) -> dict[str, str]:
        """See `Lookup.place`."""
        return {"server": self.server}

    async def groups(self, session: HttpSession) -> list[TargetGroup]:
        """See `Lookup.groups`."""
        groups: list[TargetGroup] = []
        for number in range(1, _MAX_PAGES + 1):
            url = f"{self.server}/v2/droplets?page={number}&per_page=200"
            page = await get(session, ApiRequest(url, self.access), _PAGE)
            groups += [self._target(droplet) for droplet in page.droplets if droplet.networks.v4]
            if not page.links.pages.next:
                return groups
        raise DiscoveryError("unexpected answer: the list of droplets does not end")

    def _target(self, droplet: _Droplet) -> TargetGroup:
        public = _first(droplet.networks.v4, "public")
        meta = {
            "droplet_id": str(droplet.id),
            "droplet_name": droplet.name,
            "image": droplet.image.slug,
            "image_name": droplet.image.name,
            "private_ipv4": _first(droplet.networks.v4, "private"),
            "public_ipv4": public,
            "public_ipv6": _first(droplet.networks.v6, "public"),
            "region": droplet.region.slug,
            "size": droplet.size_slug,
            "status": droplet.status,
            "vpc": droplet.vpc_uuid,
            "features": joined(droplet.features, ","),
            "tags": joined(droplet.tags, ","),
        }
        return target(prefixed(_PREFIX, meta) | {ADDRESS: host_port(public, self.port)})


def _first(addresses: tuple[_DropletAddress, ...], kind: str) -> str:
    return next((each.ip_address for each in addresses if each.type == kind), "")
