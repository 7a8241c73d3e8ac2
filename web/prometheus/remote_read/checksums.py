"""CRC-32C (Castagnoli), which zlib does not offer, a kilobyte at a time.

A CRC is linear: that of a block is the XOR of what each byte contributes at its place.

Source: RFC 3720, appendix B.4.
"""

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

_POLYNOMIAL: Final = 0x82F63B78
_BLOCK_BYTES: Final = 1024
_ALL_ONES: Final = 0xFFFFFFFF
_REGISTER_BYTES: Final = 4


def crc32c(data: bytes) -> int:
    """Return the checksum of `data`."""
    register = _ALL_ONES
    contributions = _contributions()
    for start in range(0, len(data), _BLOCK_BYTES):
        block = bytearray(data[start : start + _BLOCK_BYTES])
        for place, byte in enumerate(register.to_bytes(_REGISTER_BYTES, "little")[: len(block)]):
            block[place] ^= byte
        # A block shorter than the register leaves the register's other bytes.
        rest = register >> 8 * len(block)
        rows = contributions[_BLOCK_BYTES - len(block) :]
        found = rows[np.arange(len(block)), np.frombuffer(block, np.uint8)]
        register = int(np.bitwise_xor.reduce(found)) ^ rest
    return register ^ _ALL_ONES


@cache
def _contributions() -> NDArray[np.uint32]:
    """Return what each byte contributes at each place of a block, shape (place, byte)."""
    table = np.empty((_BLOCK_BYTES, 256), np.uint32)
    last = table[-1]
    last[:] = np.arange(256)
    for _ in range(8):
        last[:] = last >> 1 ^ (last & 1) * np.uint32(_POLYNOMIAL)
    for place in range(_BLOCK_BYTES - 2, -1, -1):
        after = table[place + 1]
        table[place] = after >> 8 ^ last[after & 0xFF]
    return table
