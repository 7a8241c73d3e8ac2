"""Formats numbers as Prometheus's templates do.

Source: Prometheus, template/template.go and the template reference in its
documentation; Go, package fmt, for number formats.
"""

import datetime as dt
import math

_LARGE = ("k", "M", "G", "T", "P", "E", "Z", "Y")
_SMALL = ("m", "u", "n", "p", "f", "a", "z", "y")
_BINARY = ("ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi")


def format_float(value: float) -> str:
    """Return the shortest text that reads back as `value`, as Go's %v writes it."""
    if not math.isfinite(value):
        return _not_finite(value)
    if value == 0:
        return "-0" if math.copysign(1, value) < 0 else "0"
    digits, exponent = _digits(value)
    # Go uses an exponent from 1e21 on, Python from 1e16.
    if -5 < exponent < 21:
        return ("-" if value < 0 else "") + _positional(digits, exponent)
    return format_exponent(value)


def format_exponent(value: float) -> str:
    """Return the shortest text with an exponent, as Go's FormatFloat(…, 'e', -1, 64) does."""
    if not math.isfinite(value):
        return _not_finite(value)
    digits, exponent = _digits(value) if value else ("0", 0)
    sign = "-" if math.copysign(1, value) < 0 else ""
    fraction = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{fraction}e{exponent:+03d}"


def _digits(value: float) -> tuple[str, int]:
    """Return the significant digits of a finite value and the exponent of the first digit."""
    mantissa, exponent = f"{abs(value)!r}e0".split("e")[:2]
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    skipped = len(whole + fraction) - len(digits)
    return digits.rstrip("0") or "0", len(whole) - 1 - skipped + int(exponent)


def _positional(digits: str, exponent: int) -> str:
    if exponent < 0:
        return "0." + "0" * (-exponent - 1) + digits
    if len(digits) <= exponent + 1:
        return digits.ljust(exponent + 1, "0")
    return f"{digits[: exponent + 1]}.{digits[exponent + 1 :]}"


def _not_finite(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "+Inf" if value > 0 else "-Inf"


def format_significant(value: float, digits: int = 4) -> str:
    """Return `value` with this number of significant digits, as Go's %.4g writes it."""
    return f"{value:.{digits}g}" if math.isfinite(value) else _not_finite(value)


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
        return "0s"
    if abs(value) < 1:
        return _scaled_up(value) + "s"
    sign, value = ("-", -value) if value < 0 else ("", value)
    minutes, seconds = divmod(int(value), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
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
    try:
        moment = dt.datetime.fromtimestamp(0, dt.UTC) + dt.timedelta(milliseconds=int(value * 1000))
    except OverflowError as exc:
        raise ValueError(f"{format_float(value)} is no time") from exc
    fraction = f".{moment.microsecond // 1000:03d}".rstrip("0").rstrip(".")
    return f"{moment:%Y-%m-%d %H:%M:%S}{fraction} +0000 UTC"
