"""Connections of probes: name lookup, address policy, TCP and TLS, each phase timed."""

import asyncio
import os
import socket
import ssl
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from model.network.name_lookup import AddressInfo, NameLookup
from model.probing.reply import ProbeReply
from scraper.fetching.address_policy import AddressPolicy
from scraper.fetching.exhaustion import own_exhaustion

_MOST_ADDRESSES: Final = 4
"""So many addresses of a name are tried, as browsers do where IPv6 leads nowhere."""
_BUFFER_BYTES: Final = 2**16


class ProbeFailedError(Exception):
    """The service does not answer as it should; the message is the reason.

    It quotes nothing of an answer: users who may add a probe must not read the answers of
    other services with it.
    """


@dataclass(frozen=True, slots=True)
class Streams:
    """An open connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def close(self) -> None:
        """Close at once, without waiting for the other side."""
        self.writer.transport.abort()


class Connector:
    """Connects probes, only to addresses that a policy allows.

    Args:
        lookup: looks names up.
        policy: of the probe; None allows every address.
    """

    def __init__(self, lookup: NameLookup, policy: AddressPolicy | None) -> None:
        self._lookup, self._policy = lookup, policy

    async def addresses(self, reply: ProbeReply, host: str, port: int) -> list[AddressInfo]:
        """Return the allowed addresses of a host.

        Raises:
            ProbeFailedError: the name has none, or the policy refuses all of them.
        """
        try:
            with reply.phase("resolve"):
                found = await self._lookup.addresses(host, port)
        except OSError as exc:
            raise_if_own(exc)
            reason = exc.strerror or "the name lookup failed"
            raise ProbeFailedError(f"cannot look up {host}: {reason}") from exc
        refusals = [
            "" if self._policy is None else self._policy.refusal(str(info[4][0])) for info in found
        ]
        allowed = [info for info, refusal in zip(found, refusals, strict=True) if not refusal]
        if not allowed:
            raise ProbeFailedError(next(filter(None, refusals), f"{host} has no address"))
        reply.take_address(allowed[0][0])
        return allowed[:_MOST_ADDRESSES]

    async def connect(
        self, reply: ProbeReply, host: str, port: int, tls: "TlsOptions | None" = None
    ) -> Streams:
        """Return a connection to a host, encrypted with `tls`.

        Raises:
            ProbeFailedError: there is no connection, or the certificate is not trusted.
        """
        reason = ""
        for family, _, _, _, address in await self.addresses(reply, host, port):
            try:
                with reply.phase("connect"):
                    connection = await _connected(family, address)
            except OSError as exc:
                raise_if_own(exc)
                reason = reason or failure_reason(exc)
                continue
            reply.take_address(family)
            if tls is not None:
                return await _encrypted(reply, connection, tls)
            return Streams(*await asyncio.open_connection(sock=connection, limit=_BUFFER_BYTES))
        raise ProbeFailedError(f"cannot connect to {host}:{port}: {reason}")


@dataclass(frozen=True, slots=True)
class TlsOptions:
    """The name that a server's certificate must have, and whether it is verified."""

    name: str
    verify: bool = True


async def _connected(family: int, address: Any) -> socket.socket:
    connection = socket.socket(family, socket.SOCK_STREAM)
    try:
        connection.setblocking(False)  # noqa: FBT003
        await asyncio.get_running_loop().sock_connect(connection, address)
    except BaseException:
        connection.close()
        raise
    return connection


async def _encrypted(reply: ProbeReply, connection: socket.socket, tls: TlsOptions) -> Streams:
    """Begin TLS on a connection; record its version, and when the certificates expire."""
    name = tls.name
    try:
        context = await asyncio.to_thread(_context, verify=tls.verify)
        with reply.phase("tls"):
            streams = Streams(
                *await asyncio.open_connection(
                    sock=connection, ssl=context, server_hostname=name, limit=_BUFFER_BYTES
                )
            )
    except BaseException as exc:
        connection.close()
        if isinstance(exc, ssl.SSLCertVerificationError):
            raise ProbeFailedError(f"certificate of {name}: {exc.verify_message}") from exc
        if isinstance(exc, OSError | ValueError | EOFError) and not isinstance(exc, TimeoutError):
            raise_if_own(exc)
            raise ProbeFailedError(f"no TLS connection to {name}: {failure_reason(exc)}") from exc
        raise
    encrypted = streams.writer.get_extra_info("ssl_object")
    reply.texts["tls_version_info"] = {"version": encrypted.version() or "unknown"}
    expiry_s = await asyncio.to_thread(_earliest_expiry_s, _certificates(encrypted))
    if expiry_s is not None:
        reply.numbers["ssl_earliest_cert_expiry"] = expiry_s
    return streams


@cache
def _context(*, verify: bool) -> ssl.SSLContext:
    """Return the context; made once, because reading the authorities takes 20 ms."""
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _certificates(encrypted: Any) -> list[bytes]:
    """Return the certificates that the server showed; before Python 3.13 only its own."""
    chain = getattr(encrypted, "get_unverified_chain", None)
    own = encrypted.getpeercert(binary_form=True)
    return [*([own] if own else []), *(chain() if chain is not None else [])]


def _earliest_expiry_s(certificates: list[bytes]) -> float | None:
    # Loaded with the first certificate: most servers probe none.
    from cryptography import x509

    expiries = []
    for certificate in certificates:
        try:
            expiries.append(x509.load_der_x509_certificate(certificate).not_valid_after_utc)
        except ValueError:
            continue
    return min(expiries).timestamp() if expiries else None


def failure_reason(exc: BaseException) -> str:
    """Return why a connection failed, without any text that the other side sent."""
    if isinstance(exc, TimeoutError):
        return "timed out"
    if isinstance(exc, ssl.SSLError):
        return (exc.reason or "TLS error").replace("_", " ").lower()
    if isinstance(exc, OSError) and exc.errno:
        return os.strerror(exc.errno)
    if isinstance(exc, EOFError | ConnectionError):
        return "the connection was closed"
    return type(exc).__name__


def raise_if_own(exc: BaseException) -> None:
    """Raise an error that is the fault of this server."""
    if own_exhaustion(exc):
        raise exc
