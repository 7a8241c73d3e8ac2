"""HTTP probes check status, body and redirects, and outlive whatever a server sends."""

import asyncio
import gzip
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from scraper.fetching.address_policy import AddressPolicy
from tests.scraper.probing.services import Answer, answering, http, probed, replying


async def outcome_of(answer: Answer, **fields: Any) -> tuple[bool, str]:
    """Return success and reason of a probe of a server."""
    async with answering(answer) as port:
        found = await probed("http", f"http://127.0.0.1:{port}/", **fields)
    return found.succeeded, found.reason


async def test_a_probe_reports_what_blackbox_reports() -> None:
    async with answering(http(b"hello")) as port:
        found = await probed("http", f"http://127.0.0.1:{port}/x?y=z")
    assert found.succeeded
    numbers = found.reply.numbers
    assert {
        "http_status_code": 200,
        "http_version": 1.1,
        "http_redirects": 0,
        "http_ssl": False,
        "http_content_length": 5,
        "http_uncompressed_body_length": 5,
        "ip_protocol": 4,
    }.items() <= numbers.items()
    assert found.reply.phases_s.keys() == {"resolve", "connect", "processing", "transfer"}


@pytest.mark.parametrize(
    ("status", "accepted", "succeeded"),
    [
        ("200 OK", "200-299", True),
        ("503 Busy", "200-299", False),
        ("401 No", "401", True),
        ("204 Nothing", "200-299", True),
    ],
)
async def test_only_accepted_statuses_succeed(
    status: str, accepted: str, *, succeeded: bool
) -> None:
    found, reason = await outcome_of(http(status=status), http={"statuses": accepted})
    assert (found, reason) == (
        succeeded,
        "" if succeeded else f"HTTP status {status[:3]}, expected {accepted}",
    )


@pytest.mark.parametrize(
    ("conditions", "reason"),
    [
        ({"contains": "fine"}, ""),
        ({"contains": "bad"}, "the body lacks the text that it must contain"),
        ({"lacks": "bad"}, ""),
        ({"lacks": "fine"}, "the body contains the text that it must not contain"),
        ({"json_path": "$.state", "json_value": "fine"}, ""),
        ({"json_path": "$.load", "json_operator": "<", "json_value": "5"}, ""),
        (
            {"json_path": "$.load", "json_operator": ">", "json_value": "5"},
            "the value at $.load is not > 5",
        ),
        ({"json_path": "$.none"}, "the JSON body has no $.none"),
    ],
)
async def test_conditions_on_the_body_hold(conditions: dict[str, str], reason: str) -> None:
    answer = http(b'{"state": "fine", "load": 2}')
    assert await outcome_of(answer, http=conditions) == (not reason, reason)


async def test_a_body_that_is_not_json_fails_a_json_condition() -> None:
    found = await outcome_of(http(b"<html>"), http={"json_path": "$.x"})
    assert found == (False, "the body is not JSON")


async def test_a_compressed_body_is_read() -> None:
    answer = http(gzip.compress(b"all fine"), headers={"Content-Encoding": "gzip"})
    assert await outcome_of(answer, http={"contains": "fine"}) == (True, "")
    bomb = http(gzip.compress(bytes(50_000_000)), headers={"Content-Encoding": "gzip"})
    assert await outcome_of(bomb) == (False, "the body cannot be decompressed")


async def test_the_request_is_what_the_definition_says() -> None:
    requests: list[bytes] = []
    check = {"method": "POST", "headers": {"X-Key": "secret"}, "body": "ping"}
    async with answering(http(), requests=requests) as port:
        await probed("http", f"http://127.0.0.1:{port}/a?b=c", http=check)
    head = requests[0].decode()
    assert head.startswith("POST /a?b=c HTTP/1.1\r\n")
    assert "X-Key: secret\r\n" in head
    assert "Content-Length: 4\r\n" in head
    assert f"Host: 127.0.0.1:{port}\r\n" in head


async def test_an_answer_to_head_has_no_body() -> None:
    answer = replying(b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n")
    assert await outcome_of(answer, http={"method": "HEAD"}) == (True, "")


async def test_an_interim_answer_is_skipped() -> None:
    answer = replying(
        b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    )
    assert await outcome_of(answer, http={"contains": "ok"}) == (True, "")


async def test_redirects_are_followed_without_the_headers_of_another_server() -> None:
    requests: list[bytes] = []
    async with answering(http(b"there"), requests=requests) as there:
        away = http(status="302 Found", headers={"Location": f"http://127.0.0.1:{there}/new"})
        async with answering(away) as here:
            url = f"http://127.0.0.1:{here}/"
            check = {"headers": {"Authorization": "Bearer secret"}, "contains": "there"}
            followed = await probed("http", url, http=check)
            stayed = await probed("http", url, http={"follow_redirects": False})
    assert (followed.succeeded, followed.reply.numbers["http_redirects"]) == (True, 1)
    assert b"secret" not in requests[0]
    assert stayed.reason == "HTTP status 302, expected 200-299"


async def test_a_loop_of_redirects_ends() -> None:
    loop = http(status="302 Found", headers={"Location": "/again"})
    assert await outcome_of(loop) == (False, "more than 10 redirects")


async def test_a_redirect_to_a_file_is_refused() -> None:
    away = http(status="302 Found", headers={"Location": "file:///etc/passwd"})
    assert await outcome_of(away) == (False, "redirected to no http or https address")


async def test_a_redirect_into_a_refused_network_is_refused() -> None:
    away = http(status="302 Found", headers={"Location": "http://169.254.169.254/latest"})
    async with answering(away) as port:
        found = await probed("http", f"http://127.0.0.1:{port}/", AddressPolicy())
    assert found.reason == "169.254.169.254 is refused: cloud metadata"


async def test_a_refused_address_is_never_connected_to() -> None:
    async with answering(http()) as port:
        found = await probed("http", f"http://127.0.0.1:{port}/", AddressPolicy(private=False))
    assert found.reason == "127.0.0.1 is refused: private networks are not allowed"


def endless(head: bytes, part: bytes) -> Answer:
    """Return an answer that never ends."""

    async def answer(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while not writer.is_closing():
            writer.write(part)
            await writer.drain()

    return answer


async def test_an_endless_body_is_read_up_to_the_limit() -> None:
    answer = endless(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536)
    async with answering(answer) as port:
        found = await probed("http", f"http://127.0.0.1:{port}/")
    assert (found.succeeded, found.reply.numbers["http_uncompressed_body_length"]) == (True, 2**20)


async def test_endless_headers_fail() -> None:
    answer = endless(b"HTTP/1.1 200 OK\r\n", b"X-A: " + b"x" * 1000 + b"\r\n")
    assert await outcome_of(answer) == (False, "the server sent too long headers")


def stalling(content: bytes) -> Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]:
    """Return an answer that begins and then never goes on."""

    async def answer(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(content)
        await writer.drain()
        await asyncio.Event().wait()

    return answer


@pytest.mark.parametrize("content", [b"", b"HTTP/1.1 200 OK\r\nX-", b"HTTP/1.1 200 OK\r\n\r\nx"])
async def test_a_server_that_stalls_is_timed_out(content: bytes) -> None:
    found = await outcome_of(stalling(content), timeout=0.2)
    assert found == (False, "timed out after 0.2 s")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the server sent no answer"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "the answer is not HTTP"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nx",
            "the connection ended before the body did",
        ),
    ],
)
async def test_a_broken_answer_fails(content: bytes, reason: str) -> None:
    assert await outcome_of(replying(content)) == (False, reason)


async def test_nothing_of_an_answer_is_in_the_reason() -> None:
    answer = http(b'{"password": "hunter2"}', status="200 hunter2", headers={"X": "hunter2"})
    check = {"json_path": "$.password", "json_value": "other", "contains": "password"}
    assert "hunter2" not in (await outcome_of(answer, http=check))[1]
