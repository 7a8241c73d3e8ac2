"""TCP, TLS, ping and DNS probes, against real servers on loopback."""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from model.probing.echo_messages import echo_socket
from scraper.probing import network_probes
from scraper.probing.network_probes import NO_PING
from tests.certificates import Authority
from tests.scraper.probing.services import answering, http, probed


async def test_an_open_port_succeeds_and_a_closed_one_fails() -> None:
    async with answering(http()) as port:
        found = await probed("tcp", f"127.0.0.1:{port}")
        assert found.succeeded
    with closing(socket.socket()) as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        failed = await probed("tcp", f"127.0.0.1:{port}")
    assert failed.reason == f"cannot connect to 127.0.0.1:{port}: Connection refused"


async def test_an_unknown_name_is_the_reason() -> None:
    found = await probed("tcp", "no.such.host.invalid:80")
    assert found.reason.startswith("cannot look up no.such.host.invalid: ")


@pytest.fixture
def tls(tmp_path: Path) -> ssl.SSLContext:
    pair = Authority(tmp_path).issue("server", "localhost", "127.0.0.1")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pair.cert, pair.key)
    return context


async def test_an_untrusted_certificate_fails_unless_it_need_not_be(tls: ssl.SSLContext) -> None:
    async with answering(http(), tls) as port:
        target = f"127.0.0.1:{port}"
        untrusted = await probed("tls", target)
        accepted = await probed("tls", target, tls={"verify": False, "min_days": 0})
        https = await probed("http", f"https://{target}/", http={"verify_tls": False})
    assert untrusted.reason.startswith("certificate of 127.0.0.1: ")
    assert (accepted.succeeded, https.succeeded) == (True, True)
    assert accepted.reply.numbers["ssl_earliest_cert_expiry"] > 0
    assert https.reply.texts["tls_version_info"] == {"version": "TLSv1.3"}
    assert "tls" in https.reply.phases_s


async def test_a_certificate_that_expires_soon_fails(tls: ssl.SSLContext) -> None:
    async with answering(http(), tls) as port:
        found = await probed("tls", f"127.0.0.1:{port}", tls={"verify": False, "min_days": 3650})
    assert "3650 days are required" in found.reason


async def test_a_server_without_tls_fails() -> None:
    async with answering(http()) as port:
        found = await probed("tls", f"127.0.0.1:{port}", timeout=5)
    assert found.reason


async def test_ping_reaches_loopback_or_says_what_to_do() -> None:
    found = await probed("ping", "127.0.0.1", timeout=20)
    try:
        echo_socket(socket.AF_INET).close()
    except PermissionError:
        assert found.reason == NO_PING
    else:
        assert found.succeeded
        assert found.reply.phases_s.keys() == {"resolve", "setup", "rtt"}


async def test_a_refused_socket_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: int) -> socket.socket:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(network_probes, "echo_socket", refuse)
    assert (await probed("ping", "127.0.0.1")).reason == NO_PING


Reply = Callable[[bytes], list[bytes]]


@asynccontextmanager
async def dns_server(reply: Reply) -> AsyncIterator[int]:
    """Answer DNS questions over UDP and TCP on one port of loopback; yield it."""

    class Datagrams(asyncio.DatagramProtocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, address: object) -> None:
            for content in reply(data):
                self.transport.sendto(content[:4096], address)  # type: ignore[attr-defined]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        (length,) = struct.unpack(">H", await reader.readexactly(2))
        for content in reply(await reader.readexactly(length)):
            whole = bytes((content[0], content[1], content[2] & ~0x02)) + content[3:]
            writer.write(struct.pack(">H", len(whole)) + whole)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Datagrams, local_addr=("127.0.0.1", port))
    async with server:
        try:
            yield port
        finally:
            transport.close()


def answer(addresses: int, flags: int = 0x8180) -> Reply:
    """Return a reply with so many addresses."""

    def reply(asked: bytes) -> list[bytes]:
        record = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 60, 4) + bytes((192, 0, 2, 7))
        head = asked[:2] + struct.pack(">HHHHH", flags, 1, addresses, 0, 0)
        return [head + asked[12:] + record * addresses]

    return reply


async def test_records_and_codes_are_checked() -> None:
    async with dns_server(answer(2)) as port:
        dns = {"server": f"127.0.0.1:{port}"}
        found = await probed("dns", "example.org", dns=dns)
        matching = await probed("dns", "example.org", dns=dns | {"answer": "192.0.2.7"})
        other = await probed("dns", "example.org", dns=dns | {"answer": "192.0.2.8"})
        tcp = await probed("dns", "example.org", dns=dns | {"transport": "tcp"})
    assert [each.succeeded for each in (found, matching, other, tcp)] == [True, True, False, True]
    assert found.reply.numbers["dns_answer_rrs"] == 2
    assert found.reply.numbers["dns_query_succeeded"]
    assert other.reason == "no A record contains the expected text"


async def test_an_error_code_fails_unless_it_is_expected() -> None:
    async with dns_server(answer(0, 0x8183)) as port:
        dns = {"server": f"127.0.0.1:{port}"}
        failed = await probed("dns", "no.example", dns=dns)
        expected = await probed("dns", "no.example", dns=dns | {"code": "NXDOMAIN"})
    assert failed.reason == "the response code is NXDOMAIN, expected NOERROR"
    assert expected.succeeded


async def test_a_huge_answer_is_cut_and_asked_for_by_tcp() -> None:
    async with dns_server(answer(3000, 0x8380)) as port:
        found = await probed("dns", "example.org", dns={"server": f"127.0.0.1:{port}"})
    assert (found.succeeded, found.reply.numbers["dns_answer_rrs"]) == (True, 3000)
    assert "connect" in found.reply.phases_s


async def test_answers_to_other_questions_are_dropped() -> None:
    def reply(asked: bytes) -> list[bytes]:
        wrong = bytes((asked[0] ^ 1,)) + asked[1:]
        return [b"", b"x", *answer(1, 0x8182)(wrong), *answer(1)(asked)]

    async with dns_server(reply) as port:
        found = await probed("dns", "example.org", dns={"server": f"127.0.0.1:{port}"})
    assert found.succeeded


async def test_a_silent_server_times_out() -> None:
    async with dns_server(lambda _: []) as port:
        found = await probed("dns", "example.org", timeout=0.2, dns={"server": f"127.0.0.1:{port}"})
    assert found.reason == "timed out after 0.2 s"
