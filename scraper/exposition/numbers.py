"""Numbers in expositions: Go's ParseFloat without underscores and hexadecimal digits.

Python's `float` accepts more (`1_000`, digits of other scripts, spaces around the
number), so the characters are checked first.

Sources: Prometheus documentation, "Exposition formats"; OpenMetrics 1.0, "Numbers".
"""

import math
import re
from collections.abc import Sequence
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from model.series import ORDINARY_NAN_BITS
from scraper.messages import quoted

NAN = float(np.uint64(ORDINARY_NAN_BITS).view(np.float64))
"""The one NaN that every scraped NaN becomes, whatever its sign or payload."""

# Text made of these characters alone is valid for `float` exactly if it is valid here.
_PLAIN = b"0123456789+-.eE"
_PLAIN_CHARACTERS = frozenset(_PLAIN.decode())
_PLAIN_LIST = _PLAIN + b","
_HEXADECIMAL = re.compile(r"[+-]?0[xX](?=\.?[0-9a-fA-F])[0-9a-fA-F]*\.?[0-9a-fA-F]*[pP][+-]?[0-9]+")
_NAMED = {"nan": NAN} | {
    sign + name: -math.inf if sign == "-" else math.inf
    for sign in ("", "+", "-")
    for name in ("inf", "infinity")
}


def parse_value(text: str) -> float:
    """Return the number that `text` represents; every NaN becomes `NAN`.

    Raises:
        ValueError: `text` is not a number, or too large for 64 bits.
    """
    if not _PLAIN_CHARACTERS.issuperset(text):
        named = _NAMED.get(text.lower())
        if named is None:
            raise ValueError(f"{quoted(text)} is not a number")
        return named
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{quoted(text)} is not a number") from None
    if math.isinf(value):
        raise ValueError(f"{quoted(text)} is out of range")
    return value


def parse_values(tokens: Sequence[bytes]) -> NDArray[np.float64] | None:
    """Return the numbers that `tokens` represent, None if any token is not a number."""
    try:
        if not b",".join(tokens).translate(None, _PLAIN_LIST):
            values = np.fromiter(map(float, tokens), np.float64, len(tokens))
            return None if np.isinf(values).any() else values
        return np.array([parse_value(token.decode()) for token in tokens])
    except ValueError:
        return None


def canonical_bound(text: str) -> str:
    """Return a bucket bound or quantile as OpenMetrics writes it: `1` becomes `1.0`.

    Exporters write `le="1"` in one format and `le="1.0"` in the other; since
    Prometheus 3 both are one series. Text that is not a number is returned unchanged.
    """
    try:
        value = float.fromhex(text) if _HEXADECIMAL.fullmatch(text) else parse_value(text)
    except ValueError:
        return text
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if value == 0:
        return "0.0"
    if 1e-4 <= abs(value) < 1e6:
        return repr(value)
    # From 1e6 on, Go's shortest form has an exponent of at least two digits; Python's
    # `repr` has none below 1e16.
    mantissa, _, exponent = f"{Decimal(repr(value)).normalize():e}".partition("e")
    return f"{mantissa}e{int(exponent):+03d}"
