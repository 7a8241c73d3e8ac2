"""Records of the DNS other than addresses become targets."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from structlog.testing import capture_logs

from model.labels import Labels
from scraper.discovery.dns_sd import DnsSource, RecordType
from scraper.discovery.groups import TargetGroup
from scraper.fetching.http_session import HttpSession
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


class Seen:
    """What was published, and a way to wait for it."""

    def __init__(self) -> None:
        self.groups: asyncio.Queue[Sequence[TargetGroup]] = asyncio.Queue()

    async def next(self) -> Sequence[TargetGroup]:
        async with asyncio.timeout(20):
            return await self.groups.get()


@asynccontextmanager
async def looking(
    records: Records, record: RecordType, names: tuple[str, ...] = (NAME,)
) -> AsyncIterator[Seen]:
    seen = Seen()
    async with dns_server(records) as server:
        source = DnsSource(names, record, 9100, 0.02, server)
        task = asyncio.ensure_future(source.run(HttpSession(), seen.groups.put_nowait))
        try:
            yield seen
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def target(address: str, **meta: str) -> TargetGroup:
    labels = {f"__meta_dns_{key}": value for key, value in meta.items()}
    return TargetGroup((address,), Labels.of(labels | {"__meta_dns_name": NAME}))


async def test_srv_records_bring_their_ports() -> None:
    records = {NAME: [srv(9200, "b.example"), srv(9100, "a.example.")]}
    async with looking(records, "SRV") as seen:
        assert await seen.next() == [
            target("a.example:9100", srv_record_target="a.example.", srv_record_port="9100"),
            target("b.example:9200", srv_record_target="b.example.", srv_record_port="9200"),
        ]


async def test_mx_and_ns_records_take_the_port_of_the_configuration() -> None:
    async with looking({NAME: [mx("mail.example")]}, "MX") as seen:
        assert await seen.next() == [target("mail.example:9100", mx_record_target="mail.example.")]
    async with looking({NAME: [ns("ns.example")]}, "NS") as seen:
        assert await seen.next() == [target("ns.example:9100", ns_record_target="ns.example.")]


async def test_records_that_come_along_are_no_targets() -> None:
    records = {NAME: [(CNAME, encoded("other.example")), srv(1, "a.example")]}
    async with looking(records, "SRV") as seen:
        assert [group.addresses for group in await seen.next()] == [("a.example:1",)]


async def test_changed_records_are_noticed_and_an_unknown_name_has_no_targets() -> None:
    records: dict[str, Sequence[tuple[int, bytes]] | int] = {NAME: [srv(1, "a.example")]}
    async with looking(records, "SRV") as seen:
        assert [group.addresses for group in await seen.next()] == [("a.example:1",)]
        records[NAME] = [srv(2, "a.example")]
        assert [group.addresses for group in await seen.next()] == [("a.example:2",)]
        del records[NAME]
        assert await seen.next() == []


async def test_refusal_is_told_once_and_what_is_known_stays() -> None:
    records: dict[str, Sequence[tuple[int, bytes]] | int] = {NAME: [srv(1, "a.example")]}
    with capture_logs() as logs:
        async with looking(records, "SRV") as seen:
            await seen.next()
            records[NAME] = REFUSED
            async with asyncio.timeout(20):
                while not logs:  # noqa: ASYNC110 - a list tells nobody
                    await asyncio.sleep(0.01)
            # Nothing was published meanwhile: the next that is, is what comes then.
            records[NAME] = [srv(3, "a.example")]
            assert [group.addresses for group in await seen.next()] == [("a.example:3",)]
    assert [(entry["event"], entry["name"]) for entry in logs] == [("discovery_failed", NAME)]
