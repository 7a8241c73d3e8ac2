"""Validity, name and serial number of X.509 certificates, read without a library.

The standard library decodes no certificate that it has not verified, and a parser of all of
X.509 is a native library that the one-file exporter cannot carry.

Source: RFC 5280, section 4.1; ITU-T X.690 for DER.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Final, NamedTuple

_SEQUENCE, _SET, _INTEGER, _OID, _UTC_TIME, _TIME = 0x30, 0x31, 0x02, 0x06, 0x17, 0x18
_VERSION: Final = 0xA0
_COMMON_NAME: Final = bytes((0x55, 0x04, 0x03))
_PEM: Final = re.compile(rb"-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----(.*?)-----END", re.DOTALL)
_MOST_CERTIFICATES: Final = 500


class CertificateFacts(NamedTuple):
    """The names and validity of a certificate; times are Unix seconds."""

    subject: str
    issuer: str
    serial: str
    not_before_s: float
    not_after_s: float


def read_certificates(content: bytes) -> list[CertificateFacts]:
    """Return the certificates of a PEM file, or the one of a DER file.

    Raises:
        ValueError: the content has no certificate, or a broken one.
    """
    bodies = _PEM.findall(content)[:_MOST_CERTIFICATES]
    if not bodies:
        return [read_certificate(content)]
    found = []
    for body in bodies:
        try:
            der = base64.b64decode(b"".join(body.split()), validate=True)
        except binascii.Error as exc:
            raise ValueError(f"not base64: {exc}") from exc
        found.append(read_certificate(der))
    return found


def read_certificate(der: bytes) -> CertificateFacts:
    """Return the facts of one certificate in DER.

    Raises:
        ValueError: it is not a certificate.
    """
    parts = _elements(_only(_only(der, _SEQUENCE), _SEQUENCE))
    kind, value = _next(parts)
    if kind == _VERSION:
        kind, value = _next(parts)
    if kind != _INTEGER:
        raise ValueError("a certificate without a serial number")
    serial = value.hex()
    _next(parts)  # The algorithm of the signature.
    issuer, validity, subject = (_of_kind(_next(parts), _SEQUENCE) for _ in range(3))
    times = _elements(validity)
    return CertificateFacts(
        _common_name(subject),
        _common_name(issuer),
        serial,
        _time(_next(times)),
        _time(_next(times)),
    )


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield kind and content of the elements of DER."""
    at = 0
    while at < len(data):
        start, end = _bounds(data, at)
        yield data[at], data[start:end]
        at = end


def _bounds(data: bytes, at: int) -> tuple[int, int]:
    """Return where the content of an element begins and ends."""
    if at + 2 > len(data):
        raise ValueError("DER ends within an element")
    length, start = data[at + 1], at + 2
    if length & 0x80:
        size = length & 0x7F
        if not 1 <= size <= 4 or start + size > len(data):
            raise ValueError("DER with a length that no certificate has")
        length = int.from_bytes(data[start : start + size], "big")
        start += size
    if start + length > len(data):
        raise ValueError("DER ends within an element")
    return start, start + length


def _next(elements: Iterator[tuple[int, bytes]]) -> tuple[int, bytes]:
    found = next(elements, None)
    if found is None:
        raise ValueError("a certificate that lacks a part")
    return found


def _only(data: bytes, kind: int) -> bytes:
    return _of_kind(_next(_elements(data)), kind)


def _of_kind(element: tuple[int, bytes], kind: int) -> bytes:
    if element[0] != kind:
        raise ValueError(f"not a certificate: {element[0]:#x} in the place of {kind:#x}")
    return element[1]


def _common_name(name: bytes) -> str:
    """Return the first common name, "" without one."""
    for kind, relative in _elements(name):
        if kind != _SET:
            continue
        for _, attribute in _elements(relative):
            parts = _elements(attribute)
            if _next(parts) == (_OID, _COMMON_NAME):
                coding, value = _next(parts)
                # 0x1E: BMPString, which old authorities use.
                return value.decode("utf-16-be" if coding == 0x1E else "utf-8", "replace")
    return ""


def _time(element: tuple[int, bytes]) -> float:
    kind, value = element
    text = value.decode("ascii", "replace")
    if kind == _UTC_TIME:
        # 50 to 99 are years of the last century.
        text = ("20" if text[:2] < "50" else "19") + text
    elif kind != _TIME:
        raise ValueError("a certificate without times")
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=timezone.utc).timestamp()
