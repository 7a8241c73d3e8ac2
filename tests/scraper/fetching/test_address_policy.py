import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from hypothesis import given
from hypothesis import strategies as st

from model.labels import Labels
from scraper.configuration.settings import ScrapeSettings
from scraper.configuration.static_targets import static_targets
from scraper.errors import FetchError
from scraper.fetching.address_policy import AddressPolicy, AddressPolicySettings
from scraper.fetching.fetch import Fetcher
from scraper.fetching.http_access import HttpAccess
from scraper.fetching.http_session import HttpSession
from scraper.fetching.targets import ScrapeTarget
from storage.api.hosts import Host
from tests.scraper.exposing_server import body, serving

PUBLIC_ONLY = AddressPolicy(private=False)


@asynccontextmanager
async def fetching() -> AsyncIterator[Fetcher]:
    session = HttpSession()
    await session.open()
    try:
        yield Fetcher(session)
    finally:
        await session.close()


def target(url: str, policy: AddressPolicy | None) -> ScrapeTarget:
    return ScrapeTarget(
        url, Labels.of(job="j"), 30.0, 20.0, access=HttpAccess(address_policy=policy)
    )


def refusing(network: str) -> AddressPolicy:
    return AddressPolicySettings.model_validate({"refused_networks": [network]}).policy()


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "169.254.1.1",
        "169.254.170.2",
        "100.100.100.200",
        "168.63.129.16",
        "fd00:ec2::254",
        "fd20:ce::254",
        "fe80::1",
        "fe80::1%eth0",
        "febf::1",
        "0.0.0.0",
        "0.1.2.3",
        "::",
        "224.0.0.1",
        "ff02::1",
        "255.255.255.255",
        "::ffff:169.254.169.254",
        "::169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
        "not an address",
        "",
    ],
)
def test_metadata_and_link_local_addresses_are_always_refused(address: str) -> None:
    assert AddressPolicy().refusal(address)
    assert PUBLIC_ONLY.refusal(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "::1",
        "10.0.0.5",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "fd12:3456::1",
        "::ffff:10.0.0.5",
        "64:ff9b::a00:5",
    ],
)
def test_private_networks_are_allowed_by_default_only(address: str) -> None:
    assert not AddressPolicy().refusal(address)
    assert PUBLIC_ONLY.refusal(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700::1111", "::ffff:1.1.1.1"])
def test_internet_is_allowed(address: str) -> None:
    assert not AddressPolicy().refusal(address)


def test_internet_is_allowed_without_private_networks() -> None:
    assert not PUBLIC_ONLY.refusal("1.1.1.1")
    assert not PUBLIC_ONLY.refusal("2606:4700::1111")


def test_allowed_overrides_refused_overrides_defaults() -> None:
    settings = AddressPolicySettings.model_validate(
        {
            "private_networks": False,
            "allowed_networks": ["10.1.0.0/16", "169.254.7.0/24"],
            "refused_networks": ["10.0.0.0/8", "9.9.9.0/24"],
        }
    )
    policy = settings.policy()
    assert not policy.refusal("10.1.2.3")
    assert not policy.refusal("169.254.7.1")
    assert policy.refusal("10.2.0.1") == "10.2.0.1 is in a refused network"
    assert policy.refusal("9.9.9.9")
    assert policy.refusal("192.168.0.1")


@given(st.ip_addresses())
def test_every_address_has_a_result(address: object) -> None:
    assert isinstance(PUBLIC_ONLY.refusal(str(address)), str)


@given(st.ip_addresses(v=4, network="169.254.0.0/16"))
def test_link_local_addresses_are_refused_in_every_notation(address: object) -> None:
    for text in (f"::ffff:{address}", f"64:ff9b::{address}", f"::{address}", str(address)):
        assert AddressPolicy().refusal(text)


def test_only_registered_hosts_are_checked() -> None:
    settings = ScrapeSettings.model_validate({"jobs": [{"name": "j", "targets": ["a:1"]}]})
    host = Host("h", "http://b:9100/metrics", id=1)
    registered, configured = static_targets(settings, [host])
    assert registered.access.address_policy == AddressPolicy()
    assert configured.access.address_policy is None


async def test_no_connection_is_made_to_a_refused_address() -> None:
    requested = asyncio.Event()

    async def answer(_: web.Request) -> web.Response:
        requested.set()
        return web.Response(text="a 1\n")

    async with fetching() as fetcher, serving(metrics=answer) as url:
        with pytest.raises(FetchError, match=r"127\.0\.0\.1 is refused: private networks are"):
            await fetcher.fetch(target(url("metrics"), PUBLIC_ONLY))
        assert not requested.is_set()
        assert (await fetcher.fetch(target(url("metrics"), AddressPolicy()))).body == b"a 1\n"


@pytest.mark.parametrize("host", ["localhost", "127.1", "2130706433", "0x7f.0.0.1", "0177.0.0.1"])
async def test_name_is_checked_by_its_resolved_address(host: str) -> None:
    async with fetching() as fetcher, serving(metrics=body("a 1\n")) as url:
        address = url("metrics").replace("127.0.0.1", host)
        with pytest.raises(FetchError):
            await fetcher.fetch(target(address, PUBLIC_ONLY))


async def test_connection_made_without_policy_is_not_reused() -> None:
    async with fetching() as fetcher, serving(metrics=body("a 1\n")) as url:
        await fetcher.fetch(target(url("metrics"), None))
        with pytest.raises(FetchError, match="refused"):
            await fetcher.fetch(target(url("metrics"), PUBLIC_ONLY))


async def test_redirect_to_a_refused_address_is_not_followed() -> None:
    reached = asyncio.Event()

    async def secret(_: web.Request) -> web.Response:
        reached.set()
        return web.Response(text="a 1\n")

    async with fetching() as fetcher, serving(secret=secret) as secret_url:

        async def away(_: web.Request) -> web.Response:
            raise web.HTTPFound(secret_url("secret").replace("127.0.0.1", "127.0.0.2"))

        policy = AddressPolicySettings.model_validate(
            {"refused_networks": ["127.0.0.2/32"]}
        ).policy()
        async with serving(metrics=away) as url:
            with pytest.raises(FetchError, match=r"127\.0\.0\.2 is in a refused network"):
                await fetcher.fetch(target(url("metrics"), policy))
    assert not reached.is_set()


class ChangingResolver(AbstractResolver):
    """Resolves every name to one address after the other."""

    def __init__(self, *addresses: str) -> None:
        self._addresses = list(addresses)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        address = self._addresses.pop(0)
        return [ResolveResult(hostname=host, host=address, port=port, family=2, proto=0, flags=0)]

    async def close(self) -> None:
        pass


async def test_name_is_checked_at_each_connection() -> None:
    policy = refusing("127.0.0.2/32")
    connector = aiohttp.TCPConnector(
        resolver=ChangingResolver("127.0.0.1", "127.0.0.2"),
        use_dns_cache=False,
        force_close=True,
        socket_factory=policy.socket_factory(),
    )
    async with (
        serving(metrics=body("a 1\n")) as url,
        aiohttp.ClientSession(connector=connector) as s,
    ):
        address = url("metrics").replace("127.0.0.1", "rebinding.example")
        async with s.get(address) as response:
            assert response.status == 200
        with pytest.raises(aiohttp.ClientConnectorError) as caught:
            await s.get(address)
        assert "refused network" in str(caught.value.os_error)
