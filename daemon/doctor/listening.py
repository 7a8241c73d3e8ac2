"""Examines the address that the server listens on."""

import socket

import aiohttp

from daemon.doctor.findings import Finding, Verdict
from model.addresses import ListenAddress

_TIMEOUT_S = 5.0


async def examine_listen(listen: str) -> Finding:
    """Report whether a server could listen on an address; none uses the data directory."""
    address = ListenAddress.parse(listen)
    subject = f"listen {address}"
    if await redshank_answers(address):
        return Finding(
            Verdict.WARNING,
            subject,
            "a Redshank server answers, which uses another data directory",
            "name its directory with --data-dir, or choose another address with --listen",
        )
    try:
        family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((address.host, address.port))
    except OSError as exc:
        return Finding(
            Verdict.BAD,
            subject,
            f"cannot be used: {exc.strerror}",
            "stop the program that listens there, or choose another address with --listen",
        )
    return Finding(Verdict.GOOD, subject, "free; no server runs")


async def redshank_answers(address: ListenAddress) -> bool:
    """Whether a Redshank server answers at an address, over HTTP or HTTPS."""
    url = address.local_url + "/health"
    for each in (url, url.replace("http:", "https:", 1)):
        health = await _get_json(each)
        if health is not None:
            return {"ok", "version", "uptime_s"} <= health.keys()
    return False


async def _get_json(url: str) -> dict[str, object] | None:
    """Return a JSON object, None if there is none.

    The certificate is not verified: it may be for another name, and no secret is sent.
    """
    timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
    try:
        connector = aiohttp.TCPConnector(resolver=aiohttp.ThreadedResolver())
        async with (
            aiohttp.ClientSession(timeout=timeout, connector=connector) as session,
            session.get(url, ssl=False) as response,
        ):
            document = await response.json()
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return None
    return document if isinstance(document, dict) else None
