"""Questions to DNS servers and their answers, as bytes.

Source: RFC 1035, section 4.1; RFC 3596 (AAAA); RFC 2782 (SRV); RFC 8659 (CAA).
"""

import ipaddress
import struct
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

HEADER: Final = struct.Struct(">HHHHHH")
_RECURSION: Final = 0x0100
_RESPONSE: Final = 0x8000
_TRUNCATED: Final = 0x0200
_INTERNET: Final = 1
_LONGEST_NAME: Final = 254
# A name has at most 127 labels; more jumps than that are a loop.
_MOST_LABELS: Final = 128
_MOST_ANSWERS: Final = 200
"""How many records of an answer are read; the counts that its header claims are not cut."""

RECORD_TYPES: Final = MappingProxyType(
    {
        "A": 1,
        "NS": 2,
        "CNAME": 5,
        "SOA": 6,
        "PTR": 12,
        "MX": 15,
        "TXT": 16,
        "AAAA": 28,
        "SRV": 33,
        "CAA": 257,
    }
)
RESPONSE_CODES: Final = ("NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED")
NO_ANSWER: Final = "NONE"


@dataclass(frozen=True)
class DnsAnswer:
    """An answer of a DNS server.

    Attributes:
        code: the response code, such as NOERROR, or `RCODE11`; NONE if the message is none.
        is_truncated: whether the whole answer needs TCP.
        counts: the numbers of answer, authority and additional records.
        records: the data of the answer records of the type that was asked for, as text.
    """

    code: str
    is_truncated: bool
    counts: tuple[int, int, int]
    records: tuple[str, ...]


def question(number: int, name: str, record_type: int) -> bytes:
    """Return the message that asks for the records of a name.

    Raises:
        ValueError: the text is no DNS name.
    """
    return HEADER.pack(number, _RECURSION, 1, 0, 0, 0) + _question(name, record_type)


def _question(name: str, record_type: int) -> bytes:
    try:
        parts = [part.encode("idna") for part in name.rstrip(".").split(".") if part]
    except UnicodeError as exc:
        raise ValueError(f"{name[:80]!r} is not a DNS name") from exc
    if sum(map(len, parts)) + len(parts) > _LONGEST_NAME:
        raise ValueError(f"{name[:80]!r} is longer than a name may be")
    encoded = b"".join(bytes((len(part),)) + part for part in parts)
    return encoded + b"\0" + struct.pack(">HH", record_type, _INTERNET)


def is_answer_to(number: int, message: bytes) -> bool:
    """Report whether a message has the number of a question: others answer earlier ones."""
    return len(message) >= HEADER.size and message[:2] == number.to_bytes(2, "big")


def read_answer(message: bytes, record_type: int) -> DnsAnswer:
    """Return the answer in a message; records that are cut off are left out."""
    if len(message) < HEADER.size:
        return DnsAnswer(NO_ANSWER, is_truncated=False, counts=(0, 0, 0), records=())
    _, flags, questions, *counts = HEADER.unpack_from(message)
    code = flags & 0xF
    try:
        records = tuple(_records(message, questions, counts[0], record_type))
    except (struct.error, IndexError):
        records = ()
    named = RESPONSE_CODES[code] if code < len(RESPONSE_CODES) else f"RCODE{code}"
    return DnsAnswer(
        named if flags & _RESPONSE else NO_ANSWER,
        bool(flags & _TRUNCATED),
        (counts[0], counts[1], counts[2]),
        records,
    )


def _records(message: bytes, questions: int, answers: int, record_type: int) -> list[str]:
    place, found = HEADER.size, []
    for _ in range(min(questions, _MOST_ANSWERS)):
        _, place = _name(message, place)
        place += 4
    for _ in range(min(answers, _MOST_ANSWERS)):
        _, place = _name(message, place)
        kind, _, _, length = struct.unpack_from(">HHIH", message, place)
        place += 10
        if place + length > len(message):
            break
        if kind == record_type:
            found.append(_text(message, kind, place, length))
        place += length
    return found


def _name(message: bytes, place: int) -> tuple[str, int]:
    """Return the name at a place and where the bytes after it begin."""
    labels: list[str] = []
    end = -1
    for _ in range(_MOST_LABELS):
        length = message[place]
        if length >= 0xC0:
            end = place + 2 if end < 0 else end
            place = (length & 0x3F) << 8 | message[place + 1]
        elif length:
            part = message[place + 1 : place + 1 + length]
            labels.append(part.decode("ascii", "replace"))
            place += 1 + length
        else:
            return ".".join(labels) + ".", place + 1 if end < 0 else end
    raise IndexError("a name that refers to itself")


def _text(message: bytes, kind: int, place: int, length: int) -> str:
    data = message[place : place + length]
    if kind in (1, 28) and length in (4, 16):
        return str(ipaddress.ip_address(data))
    if kind in (2, 5, 12):
        return _name(message, place)[0]
    if kind == 15:
        return f"{int.from_bytes(data[:2], 'big')} {_name(message, place + 2)[0]}"
    if kind == 33:
        priority, weight, port = struct.unpack_from(">HHH", data)
        return f"{priority} {weight} {port} {_name(message, place + 6)[0]}"
    if kind == 16:
        return _strings(data)
    if kind == 6:
        primary, after = _name(message, place)
        mailbox, after = _name(message, after)
        return f"{primary} {mailbox} {int.from_bytes(message[after : after + 4], 'big')}"
    return data.decode("utf-8", "replace")


def _strings(data: bytes) -> str:
    """Return the character strings of a TXT record, joined as its readers join them."""
    parts, place = [], 0
    while place < len(data):
        length = data[place]
        parts.append(data[place + 1 : place + 1 + length].decode("utf-8", "replace"))
        place += 1 + length
    return "".join(parts)
