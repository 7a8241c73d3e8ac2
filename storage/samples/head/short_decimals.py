"""Short decimals: most values in 4 bytes instead of 8, every bit kept.

Exporters write most values as decimal numbers of few digits: counts, whole bytes and
kibibytes, hundredths of a second, nanoseconds as a fraction of a second. Such a value is a
whole number divided by one of a few divisors, and a word of 32 bits holds both. All other
values (the three NaNs, infinities, -0.0, more digits) are kept as they are: *wide*.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.series import Values

Words = NDArray[np.int32]
Bits = NDArray[np.uint64]
"""The bits of float64 values: arithmetic would change those of the signalling NaNs."""

# The divisors that most values of node_exporter need, most frequent first: they hold 95 %
# of its changed values, each further one less than 1 %.
_DIVISORS: Final = (1.0, 1e9, 1e2, 1 / 1024, 1e3, 1e6)
# The low bits of a word: the number of its divisor, or _WIDE.
_CODE_BITS: Final = 3
_CODE: Final = 2**_CODE_BITS - 1
_WIDE: Final = _CODE
_MOST: Final = float(2 ** (31 - _CODE_BITS) - 1)

_DIVISOR_OF_CODE: Final = np.array(_DIVISORS + (1.0,) * (_CODE + 1 - len(_DIVISORS)))


def pack(values: Values, wide_before: int) -> tuple[Words, Values]:
    """Return a word for each value, and the wide values in order.

    The word of a wide value holds its number; `wide_before` is the number of the first.
    """
    words = np.empty(len(values), np.int32)
    left = np.arange(len(values))
    with np.errstate(invalid="ignore", over="ignore"):
        for code, divisor in enumerate(_DIVISORS):
            whole = values * divisor
            np.rint(whole, out=whole)
            # Makes 0.0 of -0.0, whose sign no word holds.
            whole += 0.0
            fits = (whole / divisor).view(np.uint64) == values.view(np.uint64)
            # Later rounds overwrite the words of values that do not fit: that is quicker than
            # to select those that do.
            coded = whole.astype(np.int32)
            coded <<= _CODE_BITS
            coded |= code
            words[left] = coded
            fits &= np.abs(whole, out=whole) <= _MOST
            places = np.logical_not(fits, out=fits).nonzero()[0]
            left, values = left[places], values[places]
            if not len(left):
                break
    numbers = np.arange(wide_before, wide_before + len(left), dtype=np.int32)
    words[left] = numbers << _CODE_BITS | _WIDE
    return words, values


def unpack(words: Words, wide: Bits) -> Bits:
    """Return the bits of the values of some words; `wide` has all wide values by number."""
    codes = words & _CODE
    whole = words >> _CODE_BITS
    bits: Bits = (whole / _DIVISOR_OF_CODE[codes]).view(np.uint64)
    if len(wide):
        places = np.flatnonzero(codes == _WIDE)
        bits[places] = wide[whole[places]]
    return bits
