"""Formats numbers as Prometheus's templates do.

Source: Prometheus, template/template.go and the template reference in its
documentation.
"""

import math

from alerting.templates.values.floats import format_float, format_significant
from alerting.templates.values.times import TimeValue
from alerting.templates.values.values import FunctionError

_LARGE = ("k", "M", "G", "T", "P", "E", "Z", "Y")
_SMALL = ("m", "u", "n", "p", "f", "a", "z", "y")
_LAST_NS = 2**63
_BINARY = ("ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi")


def humanize(value: float) -> str:
    """Return `value` with a metric prefix: 1234567 is 1.235M."""
    if value == 0 or not math.isfinite(value):
        return format_significant(value)
    if abs(value) >= 1:
        return _scaled_down(value, 1000, _LARGE)
    return _scaled_up(value)


def humanize_1024(value: float) -> str:
    """Return `value` with a binary prefix: 1048576 is 1Mi."""
    if abs(value) <= 1 or not math.isfinite(value):
        return format_significant(value)
    return _scaled_down(value, 1024, _BINARY)


def _scaled_down(value: float, base: int, prefixes: tuple[str, ...]) -> str:
    chosen = ""
    for prefix in prefixes:
        if abs(value) < base:
            break
        chosen, value = prefix, value / base
    return format_significant(value) + chosen


def _scaled_up(value: float) -> str:
    chosen = ""
    for prefix in _SMALL:
        if abs(value) >= 1:
            break
        chosen, value = prefix, value * 1000
    return format_significant(value) + chosen


def humanize_duration(value: float) -> str:
    """Return seconds as days, hours, minutes and seconds: 3661 is 1h 1m 1s."""
    if not math.isfinite(value):
        return format_significant(value)
    if value == 0:
        return format_significant(value) + "s"
    if abs(value) < 1:
        return _scaled_up(value) + "s"
    sign, value = ("-", -value) if value < 0 else ("", value)
    # Beyond 64 bits the processor gives the least integer, and Go divides towards zero.
    total = int(value) if value < _LAST_NS else -_LAST_NS
    units = 1 if total > 0 else -1
    minutes, seconds = divmod(abs(total), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    days, hours, minutes, seconds = (units * part for part in (days, hours, minutes, seconds))
    if days:
        return f"{sign}{days}d {hours}h {minutes}m {seconds}s"
    if hours:
        return f"{sign}{hours}h {minutes}m {seconds}s"
    if minutes:
        return f"{sign}{minutes}m {seconds}s"
    return f"{sign}{format_significant(value)}s"


def humanize_percentage(value: float) -> str:
    """Return a ratio as a percentage: 0.1234 is 12.34%."""
    return f"{format_significant(value * 100)}%"


def humanize_timestamp(value: float) -> str:
    """Return Unix seconds as a date and time in UTC."""
    if not math.isfinite(value):
        return format_significant(value)
    return str(TimeValue(unix_ns(value)))


def unix_ns(value: float) -> int:
    """Return Unix seconds as nanoseconds, cut to whole milliseconds as in Prometheus.

    Raises:
        FunctionError: it is beyond 64 bits.
    """
    time_ns = value * 1e9
    if not math.isfinite(value):
        raise FunctionError("value is NaN or Inf")
    if abs(time_ns) > _LAST_NS:
        raise FunctionError(
            f"{format_float(value)} cannot be represented as a nanoseconds timestamp "
            "since it overflows int64"
        )
    # Both cuts are towards zero.
    return int(int(time_ns) / 1_000_000) * 1_000_000
