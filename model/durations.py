"""Durations in Prometheus's notation: `1h30m`, `15s`, `500ms`.

Source: Prometheus documentation, "Querying basics", time durations.
"""

import re

_UNIT_MS = {
    "y": 365 * 86_400_000,
    "w": 7 * 86_400_000,
    "d": 86_400_000,
    "h": 3_600_000,
    "m": 60_000,
    "s": 1_000,
    "ms": 1,
}
UNITS = frozenset(_UNIT_MS)
_DURATION = re.compile(
    r"(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?",
    re.ASCII,
)


def parse_duration_ms(text: str) -> int:
    """Parse a duration; units must be in descending order, each at most once.

    Raises:
        ValueError: `text` is not a duration in this notation.
    """
    if text == "0":
        return 0
    match = _DURATION.fullmatch(text)
    if not text or match is None:
        raise ValueError(f'"{text}" is not a duration such as 30s, 5m or 1h30m')
    counts = zip(match.groups(), _UNIT_MS.values(), strict=True)
    return sum(int(count) * unit for count, unit in counts if count)


def format_duration(duration_ms: int) -> str:
    """Return a duration in the notation of `parse_duration_ms`, as short as possible."""
    if duration_ms == 0:
        return "0s"
    if duration_ms < 0:
        return "-" + format_duration(-duration_ms)
    parts = []
    rest = duration_ms
    for unit, unit_ms in _UNIT_MS.items():
        # Years and weeks only if they divide evenly: 400d reads better than 1y5w.
        if unit in ("y", "w") and rest % unit_ms:
            continue
        count, rest = divmod(rest, unit_ms)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)
