import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from model.labels import Labels
from scraper.discovery.dns_sd import DnsDiscoverer, RecordType
from scraper.discovery.engine.feed import Feed
from scraper.discovery.groups import TargetGroup
from scraper.discovery.manager import DiscoveryManager
from scraper.fetching.http_session import HttpSession
from tests.patience import PATIENCE_S
from tests.scraper.discovery.changes import Changes, instances, job
from tests.scraper.discovery.dns_server import (
    CNAME,
    REFUSED,
    Records,
    dns_server,
    encoded,
    mx,
    ns,
    srv,
)

NAME = "_node._tcp.example"


class Published:
    """Waits for the groups that a discoverer publishes."""

    def __init__(self) -> None:
        self.groups: asyncio.Queue[Sequence[TargetGroup]] = asyncio.Queue()

    async def next(self) -> Sequence[TargetGroup]:
        async with asyncio.timeout(PATIENCE_S):
            return await self.groups.get()


@asynccontextmanager
async def discovering(
    records: Records, record: RecordType, names: tuple[str, ...] = (NAME,)
) -> AsyncIterator[Published]:
    published = Published()
    async with dns_server(records) as server:
        discoverer = DnsDiscoverer(names, record, 9100, 0.02, server)
        task = asyncio.ensure_future(
            discoverer.run(HttpSession(), Feed("dns", published.groups.put_nowait))
        )
        try:
            yield published
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def target(address: str, **meta: str) -> TargetGroup:
    labels = {f"__meta_dns_{key}": value for key, value in meta.items()}
    return TargetGroup((address,), Labels.of(labels | {"__meta_dns_name": NAME}))


async def test_srv_records_contain_the_port() -> None:
    records = {NAME: [srv(9200, "b.example"), srv(9100, "a.example.")]}
    async with discovering(records, "SRV") as published:
        assert await published.next() == [
            target("a.example:9100", srv_record_target="a.example.", srv_record_port="9100"),
            target("b.example:9200", srv_record_target="b.example.", srv_record_port="9200"),
        ]


async def test_mx_and_ns_records_get_the_configured_port() -> None:
    async with discovering({NAME: [mx("mail.example")]}, "MX") as published:
        assert await published.next() == [
            target("mail.example:9100", mx_record_target="mail.example.")
        ]
    async with discovering({NAME: [ns("ns.example")]}, "NS") as published:
        assert await published.next() == [target("ns.example:9100", ns_record_target="ns.example.")]


async def test_records_of_other_types_are_ignored() -> None:
    records = {NAME: [(CNAME, encoded("other.example")), srv(1, "a.example")]}
    async with discovering(records, "SRV") as published:
        assert [group.addresses for group in await published.next()] == [("a.example:1",)]


async def test_changed_records_change_the_targets_and_an_unknown_name_has_none() -> None:
    records: dict[str, Sequence[tuple[int, bytes]] | int] = {NAME: [srv(1, "a.example")]}
    async with discovering(records, "SRV") as published:
        assert [group.addresses for group in await published.next()] == [("a.example:1",)]
        records[NAME] = [srv(2, "a.example")]
        assert [group.addresses for group in await published.next()] == [("a.example:2",)]
        del records[NAME]
        assert await published.next() == []


async def test_refusal_is_logged_once_and_keeps_the_targets() -> None:
    records: dict[str, Sequence[tuple[int, bytes]] | int] = {NAME: [srv(1, "a.example")]}
    with capture_logs() as logs:
        async with discovering(records, "SRV") as published:
            await published.next()
            records[NAME] = REFUSED
            async with asyncio.timeout(PATIENCE_S):
                while not logs:  # noqa: ASYNC110 - a list has no event
                    await asyncio.sleep(0.01)
            # Nothing was published meanwhile, so these groups are the next.
            records[NAME] = [srv(3, "a.example")]
            assert [group.addresses for group in await published.next()] == [("a.example:3",)]
    assert [(entry["event"], entry["name"]) for entry in logs] == [("discovery_failed", NAME)]


async def test_name_becomes_its_addresses(discovery: DiscoveryManager, changes: Changes) -> None:
    discovery.apply([job(DnsDiscoverer(("localhost",), "A", 9100, 30.0))])
    await changes.until(lambda: bool(instances(discovery)))
    assert instances(discovery) == ["127.0.0.1:9100"]
    assert discovery.targets()[0].discovered.get("__meta_dns_name") == "localhost"


async def test_ipv6_addresses_are_in_brackets(
    discovery: DiscoveryManager, changes: Changes, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def resolved(*_: object, **__: object) -> list[object]:
        return [(socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", 9100, 0, 0))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolved)
    discovery.apply([job(DnsDiscoverer(("localhost",), "AAAA", 9100, 30.0))])
    await changes.until(lambda: bool(instances(discovery)))
    assert instances(discovery) == ["[::1]:9100"]


async def test_failed_lookup_keeps_the_targets(
    discovery: DiscoveryManager, changes: Changes, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [[(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.1", 1))]]
    failed = asyncio.Event()

    async def resolved(*_: object, **__: object) -> list[object]:
        if answers:
            return list(answers.pop())
        failed.set()
        raise socket.gaierror(socket.EAI_AGAIN, "try again")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolved)
    discovery.apply([job(DnsDiscoverer(("x",), "A", 1, 0.01))])
    async with asyncio.timeout(PATIENCE_S):
        await failed.wait()
    assert instances(discovery) == ["10.0.0.1:1"]
