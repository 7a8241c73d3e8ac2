"""Records the requests of receivers: an HTTP server, a proxy that ends TLS, and a mail server."""

import asyncio
import contextlib
import datetime as dt
import json
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from scraper.discovery.clouds.sigv4 import AccessKey, SignedRequest, signed_headers

# Headers that say something about the receiver, not about the library that sends.
_KEPT_HEADERS = ("authorization", "content-type", "proxy-authorization")
_ISSUE = '{"issues": [{"key": "P-1", "fields": {"status": {"statusCategory": {"key": "KEY"}}}}]}'
_TRANSITIONS = b"""{"transitions": [{"id": "1", "name": "Other"}, {"id": "21", "name": "Done"},
{"id": "31", "name": "Re open"}]}"""
_SNS = b"""<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult>
<MessageId>1</MessageId></PublishResult></PublishResponse>"""
_ANSWERS = {
    "/jira-new/rest/api/2/search": b'{"issues": []}',
    "/jira-open/rest/api/2/search": _ISSUE.replace("KEY", "new").encode(),
    "/jira-open/rest/api/2/issue/P-1/transitions": _TRANSITIONS,
    "/jira-done/rest/api/3/search/jql": _ISSUE.replace("KEY", "done").encode(),
    "/jira-done/rest/api/2/issue/P-1/transitions": _TRANSITIONS,
    "/sns": _SNS,
    "/wechat": b'{"errcode": 0, "errmsg": "ok"}',
    "/wechat/gettoken": b'{"errcode": 0, "access_token": "t1", "expires_in": 7200}',
    "/wechat-markdown/gettoken": b'{"errcode": 0, "access_token": "t 2", "expires_in": 7200}',
    "/slack": b"ok",
    "/slack-api": b'{"ok": true}',
    "/token": b'{"access_token": "from-oauth2", "token_type": "Bearer", "expires_in": 3600}',
    "/telegram": b'{"ok": true, "result": {"message_id": 1, "date": 1, "chat": {"id": 1}}}',
    "/rocketchat": b'{"success": true}',
}


@dataclass(frozen=True)
class Recorded:
    """One request."""

    method: str
    url: str
    headers: dict[str, str]
    body: Any

    @property
    def path(self) -> str:
        """The path, which names the receiver."""
        return urlsplit(self.url).path


@dataclass
class Recorder:
    """What was sent so far.

    Attributes:
        port: where HTTP requests, and those through a proxy, are taken.
        mail_port: where mails are taken.
        requests, mails: in order of arrival.
    """

    tls: ssl.SSLContext
    port: int = 0
    mail_port: int = 0
    requests: list[Recorded] = field(default_factory=list)
    mails: list[EmailMessage] = field(default_factory=list)

    def of(self, path: str) -> list[Recorded]:
        """Return the requests to a path and below, in order."""
        return [each for each in self.requests if each.path.startswith(path)]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take requests of one connection."""
        host = ""
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                line, *rest = head.rstrip().split("\r\n")
                headers = {
                    name.lower(): value.strip()
                    for name, _, value in (each.partition(":") for each in rest)
                }
                method, target, _ = line.split()
                if method == "CONNECT":
                    host = f"https://{target.removesuffix(':443')}"
                    writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
                    await writer.drain()
                    await writer.start_tls(self.tls)
                    continue
                body = await _body(reader, headers)
                await self._answer(writer, method, host + target, headers, body)
        writer.close()

    async def _answer(
        self,
        writer: asyncio.StreamWriter,
        method: str,
        url: str,
        headers: dict[str, str],
        body: bytes,
    ) -> None:
        path = urlsplit(url).path
        kept = {
            name: value
            for name, value in headers.items()
            if name in _KEPT_HEADERS or name.startswith("x-")
        }
        if kept.get("authorization", "").startswith("AWS4-"):
            kept = _unsigned(method, url, headers, body, kept)
        self.requests.append(Recorded(method, _ordered(url), kept, _decoded(body, headers)))
        if path.startswith("/moved"):
            await _write(writer, "307 Temporary Redirect", b"", "Location: /new-place\r\n")
            return
        if path.startswith("/found"):
            await _write(writer, "302 Found", b"", "Location: /new-place\r\n")
            return
        known = next((name for name in _ANSWERS if path.startswith(name)), "")
        # The longest name wins: `/slack-api` before `/slack`.
        known = max((name for name in _ANSWERS if path.startswith(name)), key=len, default=known)
        text = _ANSWERS.get(known, b"{}")
        kind = "application/json" if text.startswith(b"{") else "text/plain"
        await _write(writer, "200 OK", text, f"Content-Type: {kind}\r\n")

    async def take_mail(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take mails of one connection."""
        said: list[str] = []

        async def say(line: str) -> None:
            writer.write(line.encode() + b"\r\n")
            await writer.drain()

        with contextlib.suppress(ConnectionError):
            await say("220 test")
            while line := (await reader.readline()).decode().strip():
                match line.split()[0].upper():
                    case "EHLO":
                        await say("250-test\r\n250 AUTH CRAM-MD5 PLAIN LOGIN")
                    case "AUTH":
                        if "CRAM" in line:
                            await say(f"334 {b64encode(b'<challenge@test>').decode()}")
                            line += f" {(await reader.readline()).decode().strip()}"
                        said.append(line)
                        await say("235 welcome")
                    case "DATA":
                        await say("354 go on")
                        text = b""
                        while (part := await reader.readline()) not in (b".\r\n", b""):
                            text += part.removeprefix(b".")
                        mail = message_from_bytes(text, policy=policy.default)
                        assert isinstance(mail, EmailMessage)
                        mail["X-Said"] = " | ".join(said)
                        self.mails.append(mail)
                        await say("250 taken")
                    case "QUIT":
                        await say("221 bye")
                        break
                    case verb:
                        said.append(line.replace(verb.lower(), verb))
                        await say("250 ok")
        writer.close()


async def _write(writer: asyncio.StreamWriter, status: str, body: bytes, more: str) -> None:
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{more}\r\n"
    writer.write(head.encode() + body)
    await writer.drain()


async def _body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    if headers.get("transfer-encoding") == "chunked":
        body = b""
        while size := int(await reader.readline(), 16):
            body += await reader.readexactly(size)
            await reader.readline()
        await reader.readline()
        return body
    return await reader.readexactly(int(headers.get("content-length", 0)))


def _unsigned(
    method: str, url: str, headers: dict[str, str], body: bytes, kept: dict[str, str]
) -> dict[str, str]:
    """Return the headers of a request to AWS without what is new each time.

    Alertmanager leaves out `http_headers` here.

    Our signer must find the same signature for the headers that the sender has signed.
    """
    sent = kept["authorization"]
    credential, names, signature = (each.partition("=")[2] for each in sent.split(", "))
    date, region, service = credential.split("/")[1:4]
    own = ("host", "x-amz-date")
    signed = [(name, headers[name]) for name in names.split(";") if name not in own]
    at = dt.datetime.strptime(headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=dt.UTC)
    full = url if "://" in url else f"http://{headers['host']}{url}"
    request = SignedRequest(method, full, region, service, tuple(signed), body)
    key = AccessKey(credential.split("/")[0], "hidden")
    expected = signed_headers(request, key, round(at.timestamp() * 1000))["Authorization"]
    is_right = expected.rpartition("Signature=")[2] == signature
    scope = credential.replace(date, "DATE")
    kind = kept["content-type"]
    return {"authorization": f"{scope} {is_right}", "content-type": kind}


def _decoded(body: bytes, headers: dict[str, str]) -> Any:
    kind = headers.get("content-type", "")
    if not body:
        return ""
    if kind.startswith("application/json"):
        return json.loads(body)
    if "form" in kind:
        return parse_qs(body.decode())
    return body.decode()


def _ordered(url: str) -> str:
    """Return a URL whose query is in order, and escaped in one way."""
    parts = urlsplit(url)
    query = sorted(parse_qsl(parts.query, keep_blank_values=True))
    return parts._replace(query=urlencode(query)).geturl()


@asynccontextmanager
async def running_recorder(tls: ssl.SSLContext) -> AsyncIterator[Recorder]:
    """Serve a recorder on free ports."""
    recorder = Recorder(tls)
    web = await asyncio.start_server(recorder.serve, "127.0.0.1")
    mail = await asyncio.start_server(recorder.take_mail, "127.0.0.1")
    recorder.port = web.sockets[0].getsockname()[1]
    recorder.mail_port = mail.sockets[0].getsockname()[1]
    try:
        yield recorder
    finally:
        web.close()
        mail.close()
