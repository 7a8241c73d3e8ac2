"""EC2 discovery: the instances of an AWS region.

Source: AWS documentation, "Amazon EC2 API Reference", DescribeInstances and
DescribeAvailabilityZones; Prometheus documentation, "Configuration", ec2_sd_config.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from scraper.discovery.clouds.aws_api import (
    STS_VERSION,
    AwsService,
    items,
    service_url,
    text_of,
)
from scraper.discovery.clouds.aws_credentials import AwsCredentials
from scraper.discovery.clouds.sigv4 import AccessKey
from scraper.discovery.engine.target_labels import (
    ADDRESS,
    host_port,
    joined,
    labels_of_map,
    prefixed,
    target,
)
from scraper.discovery.groups import DiscoveryError, TargetGroup
from scraper.fetching.http_access import HttpAccess
from scraper.fetching.http_session import HttpSession

_PREFIX = "__meta_ec2_"
_VERSION = "2016-11-15"
# A page has up to 1,000 instances: an answer with more pages repeats itself.
_MAX_PAGES = 1000


@dataclass(frozen=True, slots=True)
class Ec2Lookup:
    """Lists the instances of a region.

    Attributes:
        region: the region; "" for that of this instance.
        endpoint: the URL of the API, "" for AWS's own.
        credentials: finds the access key.
        access: TLS and proxy.
        port: the port of every target.
        filters: restrict the instances.
    """

    region: str
    endpoint: str
    credentials: AwsCredentials
    access: HttpAccess
    port: int
    filters: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def mechanism(self) -> str:
        """See `Lookup.mechanism`."""
        return "ec2"

    @property
    def place(self) -> dict[str, str]:
        """See `Lookup.place`."""
        return {"region": self.region}

    async def groups(self, session: HttpSession) -> list[TargetGroup]:
        """See `Lookup.groups`."""
        region = self.region or await self.credentials.region(session)
        sts = self._service("sts", region, STS_VERSION)
        key = await self.credentials.find(session, sts)
        ec2 = self._service("ec2", region, _VERSION, self.endpoint)
        zones = await self._zones(session, ec2, key)
        return [
            group
            for page in await self._pages(session, ec2, key)
            for reservation in items(page, "reservationSet")
            for instance in items(reservation, "instancesSet")
            for group in self._targets(reservation, instance, region, zones)
        ]

    def _service(self, name: str, region: str, version: str, endpoint: str = "") -> AwsService:
        url = endpoint or service_url(name, region)
        url = url if "://" in url else f"https://{url}"
        return AwsService(f"{url.rstrip('/')}/", region, name, version, self.access)

    async def _zones(self, session: HttpSession, ec2: AwsService, key: AccessKey) -> dict[str, str]:
        """Return the identifiers of zones by name; none without the permission to list them."""
        try:
            answer = await ec2.call(session, key, "DescribeAvailabilityZones")
        except DiscoveryError:
            return {}
        return {
            text_of(zone, "zoneName") or "": text_of(zone, "zoneId") or ""
            for zone in items(answer, "availabilityZoneInfo")
        }

    async def _pages(self, session: HttpSession, ec2: AwsService, key: AccessKey) -> list[Element]:
        parameters: dict[str, str] = {}
        for number, (name, values) in enumerate(self.filters, 1):
            parameters[f"Filter.{number}.Name"] = name
            for index, value in enumerate(values, 1):
                parameters[f"Filter.{number}.Value.{index}"] = value
        pages: list[Element] = []
        while len(pages) < _MAX_PAGES:
            pages.append(await ec2.call(session, key, "DescribeInstances", parameters))
            token = text_of(pages[-1], "nextToken")
            if not token:
                return pages
            parameters["NextToken"] = token
        raise DiscoveryError("unexpected answer: the list of instances does not end")

    def _targets(
        self, reservation: Element, instance: Element, region: str, zones: Mapping[str, str]
    ) -> Iterator[TargetGroup]:
        """Yield the target of an instance, if it has a private address."""
        private = text_of(instance, "privateIpAddress")
        if private is None:
            return
        public = text_of(instance, "ipAddress")
        zone = text_of(instance, "placement/availabilityZone") or ""
        meta = {
            "instance_id": text_of(instance, "instanceId"),
            "region": region,
            "owner_id": text_of(reservation, "ownerId"),
            "private_ip": private,
            "private_dns_name": text_of(instance, "privateDnsName"),
            "platform": text_of(instance, "platform"),
            "public_ip": public,
            "public_dns_name": text_of(instance, "dnsName") if public is not None else None,
            "ami": text_of(instance, "imageId"),
            "availability_zone": zone,
            "availability_zone_id": zones.get(zone),
            "instance_state": text_of(instance, "instanceState/name"),
            "instance_type": text_of(instance, "instanceType"),
            "instance_lifecycle": text_of(instance, "instanceLifecycle"),
            "architecture": text_of(instance, "architecture"),
        }
        tags = {
            text_of(tag, "key") or "": text_of(tag, "value") or ""
            for tag in items(instance, "tagSet")
        }
        yield target(
            prefixed(_PREFIX, meta | _network(instance))
            | labels_of_map(f"{_PREFIX}tag_", tags)
            | {ADDRESS: host_port(private, self.port)}
        )


def _network(instance: Element) -> dict[str, str | None]:
    """Return the labels of an instance in a virtual private cloud."""
    vpc = text_of(instance, "vpcId")
    if vpc is None:
        return {}
    subnets: dict[str, None] = {}
    addresses: list[str] = []
    primary: dict[int, str] = {}
    for interface in items(instance, "networkInterfaceSet"):
        subnet = text_of(interface, "subnetId")
        if subnet is None:
            continue
        subnets[subnet] = None
        index = text_of(interface, "attachment/deviceIndex") or ""
        for each in items(interface, "ipv6AddressesSet"):
            address = text_of(each, "ipv6Address") or ""
            addresses.append(address)
            if text_of(each, "isPrimaryIpv6") == "true" and index.isdecimal():
                primary[int(index)] = address
    return {
        "vpc_id": vpc,
        "primary_subnet_id": text_of(instance, "subnetId"),
        "subnet_id": joined(subnets, ",") or ",,",
        "ipv6_addresses": joined(addresses, ","),
        "primary_ipv6_addresses": _sparse(primary),
    }


def _sparse(values: Mapping[int, str]) -> str | None:
    """Return values between commas at their positions, missing ones empty."""
    # AWS attaches at most a few dozen interfaces.
    known = {index: value for index, value in values.items() if index < 256}
    if not known:
        return None
    inner = ",".join(known.get(index, "") for index in range(max(known) + 1))
    return f",{inner},"
