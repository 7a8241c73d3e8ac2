"""Numbers as expositions write them: the grammar of Go's ParseFloat without its newer forms.

Python's `float` takes more (`1_000`, other scripts' digits, spaces around), so what it
is given is looked at first.

Sources: Prometheus documentation, "Exposition formats"; OpenMetrics 1.0, "Numbers".
"""

import math
from decimal import Decimal

import numpy as np

from model.series import ORDINARY_NAN_BITS

NAN = float(np.uint64(ORDINARY_NAN_BITS).view(np.float64))
"""What a scraped NaN is stored as, whatever its sign or payload was."""

PLAIN = b"0123456789+-.eE"
"""Of these bytes alone, `float` reads exactly the exposition's grammar."""

_PLAIN_CHARACTERS = frozenset(PLAIN.decode())
_NAMED = {"nan": NAN} | {
    sign + name: -math.inf if sign == "-" else math.inf
    for sign in ("", "+", "-")
    for name in ("inf", "infinity")
}


def parse_value(text: str) -> float:
    """Return the number that `text` writes; NaN always with the ordinary bits.

    Raises:
        ValueError: it is no number, or too large for 64 bits.
    """
    if not _PLAIN_CHARACTERS.issuperset(text):
        named = _NAMED.get(text.lower())
        if named is None:
            raise ValueError(f"{abridged(text)} is not a number")
        return named
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{abridged(text)} is not a number") from None
    if math.isinf(value):
        raise ValueError(f"{abridged(text)} is out of range")
    return value


def canonical_bound(text: str) -> str:
    """Return a bucket bound or quantile as OpenMetrics writes it: `1` becomes `1.0`.

    Exporters write `le="1"` in one format and `le="1.0"` in the other; since
    Prometheus 3 both are one series. What is no number stays as it is.
    """
    try:
        value = parse_value(text)
    except ValueError:
        return text
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if value == 0 or 1e-4 <= abs(value) < 1e6:
        return repr(value)
    # Beyond six digits before the point Go's shortest form has an exponent of at least
    # two digits, Python's not before sixteen.
    mantissa, _, exponent = f"{Decimal(repr(value)).normalize():e}".partition("e")
    return f"{mantissa}e{int(exponent):+03d}"


def abridged(text: str) -> str:
    """Return `text` in quotes for a message, cut where it is long."""
    return f'"{text}"' if len(text) <= 64 else f'"{text[:61]}…"'
