"""Decompresses zstd from other programs, within limits.

Source: RFC 8878.
"""

from typing import Final

_FIRST_BYTES: Final = 2**20
_GROWTH: Final = 8
_FULL: Final = "failed to write whole buffer"


class ZstdError(ValueError):
    """The bytes are not valid zstd, or are truncated."""


class ZstdSizeError(ZstdError):
    """The decompressed bytes are more than the limit."""


def unzstd(packed: bytes, limit_bytes: int) -> bytes:
    """Return decompressed zstd of one or more frames; blocks.

    Args:
        packed: the compressed bytes.
        limit_bytes: limit of the decompressed bytes.

    Raises:
        ZstdError: the bytes are not valid zstd; its subclass: too large.
    """
    # Imported here: few clients send zstd.
    import cramjam
    import numpy as np

    size = min(max(_FIRST_BYTES, _GROWTH * len(packed)), limit_bytes)
    while True:
        # Not a bytearray, which is filled with zeros: pages that stay empty take no memory.
        buffer = np.empty(max(size, 1), np.uint8)
        try:
            written = cramjam.zstd.decompress_into(packed, buffer.data)
        except cramjam.DecompressionError as exc:
            if _FULL not in str(exc):
                raise ZstdError(str(exc)) from exc
            if size >= limit_bytes:
                raise ZstdSizeError(f"more than {limit_bytes} bytes") from exc
            size = min(size * _GROWTH, limit_bytes)
        else:
            return buffer[:written].tobytes()
