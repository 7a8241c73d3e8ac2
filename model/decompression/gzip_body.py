"""Decompresses gzip from other programs, within limits.

Source: RFC 1952.
"""

from typing import Any, Final, cast

from isal import isal_zlib

MOST_MEMBERS: Final = 16
"""Each further gzip member copies the rest of the body."""

_WBITS: Final = 31
_IsalError: type[Exception] = cast("Any", isal_zlib).error  # declared as an instance in the stub


class GzipError(ValueError):
    """The bytes are not valid gzip, or exceed a limit."""


class TruncatedGzipError(GzipError):
    """The last member is incomplete."""


class GzipSizeError(GzipError):
    """The decompressed bytes are more than the limit."""


class GzipMembersError(GzipError):
    """There are more members than `MOST_MEMBERS`."""


def gunzip(packed: bytes, limit_bytes: int) -> bytes:
    """Return decompressed gzip of one or more members; blocks.

    Args:
        packed: the compressed bytes.
        limit_bytes: limit of the decompressed bytes, 0 for none; decompression stops one
            byte beyond it.

    Raises:
        GzipError: the bytes are not valid gzip; its subclasses: truncated, too large, or
            too many members.
    """
    members: list[bytes] = []
    size = 0
    for _ in range(MOST_MEMBERS):
        stream = isal_zlib.decompressobj(wbits=_WBITS)
        try:
            member = stream.decompress(packed, limit_bytes - size + 1 if limit_bytes else 0)
        except _IsalError as exc:
            raise GzipError(str(exc)) from exc
        size += len(member)
        if limit_bytes and size > limit_bytes:
            raise GzipSizeError(f"more than {limit_bytes} bytes")
        if not stream.eof:
            raise TruncatedGzipError("the last member is incomplete")
        members.append(member)
        packed = stream.unused_data
        if not packed:
            return members[0] if len(members) == 1 else b"".join(members)
    raise GzipMembersError(f"more than {MOST_MEMBERS} members")
