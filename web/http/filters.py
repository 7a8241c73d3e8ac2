"""Template filters: numbers with their units and times, as text for people."""

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final, Protocol

from markupsafe import Markup, escape

from web.http.viewing.messages import translated_message
from web.http.viewing.texts import gettext, marked
from web.http.viewing.view import VIEW

UNKNOWN: Final = "\N{EN DASH}"

_BINARY: Final = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
_DECIMAL: Final = ("", "k", "M", "G", "T", "P", "E")

_SENTENCE_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC", re.ASCII)
_COMMA: Final = str.maketrans(",.", ".,")
_SPANS: Final = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def _scaled(value: float, base: int, most: int) -> tuple[str, int]:
    """Return a value divided by a power of `base`, with three digits, and the power."""
    power = 0
    while abs(value) >= base - 0.5 and power < most:
        value /= base
        power += 1
    decimals = 0 if power == 0 or abs(value) >= 99.95 else 1
    return localized(f"{value:.{decimals}f}"), power


def localized(text: str) -> str:
    """Return a number with the reader's decimal sign and separator of thousands."""
    return text.translate(_COMMA) if VIEW.get().has_comma else text


def percent(ratio: float | None) -> str:
    """Return a ratio as a whole percentage without the unit: 0.42 is `42`."""
    return UNKNOWN if ratio is None else f"{min(max(ratio, 0.0), 1.0) * 100:.0f}"


def hundredths(ratio: float) -> str:
    """Return a ratio in percent with one decimal, without the unit: 0.4216 is `42.2`."""
    return localized(f"{ratio * 100:.1f}")


def size(value_bytes: float | None) -> str:
    """Return a number of bytes with a binary unit: `15.6 GiB`."""
    if value_bytes is None:
        return UNKNOWN
    text, power = _scaled(value_bytes, 1024, len(_BINARY) - 1)
    return f"{text} {_BINARY[power]}"


def speed(bytes_per_s: float | None) -> str:
    """Return a throughput with a decimal unit, as is usual for networks: `1.2 MB/s`."""
    if bytes_per_s is None:
        return UNKNOWN
    text, power = _scaled(bytes_per_s, 1000, len(_DECIMAL) - 1)
    return f"{text} {_DECIMAL[power]}B/s"


def count(value: float | None) -> str:
    """Return a whole number: `204,800`; from a million on `1.2 M`."""
    if value is None:
        return UNKNOWN
    if abs(value) < 999_999.5:
        return localized(f"{value:,.0f}")
    text, power = _scaled(value, 1000, len(_DECIMAL) - 1)
    return f"{text} {_DECIMAL[power]}"


def decimals(value: float) -> str:
    """Return a number with two decimals and separators of thousands: `1,234.50`."""
    return localized(f"{value:,.2f}")


def number(value: float | None) -> str:
    """Return a number with two decimals, such as a load average."""
    return UNKNOWN if value is None else localized(f"{value:.2f}")


def plain(value: float | None) -> str:
    """Return a number in its shortest form, such as a threshold."""
    return UNKNOWN if value is None else f"{value:g}"


def value(sample: float) -> str:
    """Return a sample value with four significant digits, large ones with a prefix: `25.28 G`."""
    if math.isnan(sample):
        return gettext("no value")
    size = abs(sample)
    if size < 1e4 or size >= 1e18:
        return localized(f"{sample:.4g}")
    if size < 1e6:
        return f"{sample:.0f}"
    scale, prefix = next(each for each in _PREFIXES if size >= each[0])
    return f"{localized(f'{sample / scale:.4g}')} {prefix}"


_PREFIXES = ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"))


def span(length_s: float | None) -> str:
    """Return a duration in its largest one or two units: `41 d`, `3 h 20 min`, `45 s`."""
    if length_s is None:
        return UNKNOWN
    rest = max(0, round(length_s))
    for index, (unit, unit_s) in enumerate(_SPANS):
        if rest >= unit_s or unit_s == 1:
            count, left = divmod(rest, unit_s)
            # From ten on the smaller unit does not matter.
            if count < 10 and index + 1 < len(_SPANS):
                next_unit, next_s = _SPANS[index + 1]
                if left >= next_s:
                    return f"{count} {unit} {left // next_s} {next_unit}"
            return f"{count} {unit}"
    raise AssertionError("unreachable: the last unit takes every rest")


def seconds(length_s: float | None) -> str:
    """Return a short duration: `12 ms`, `1.32 s`."""
    if length_s is None:
        return UNKNOWN
    if length_s < 1:
        return f"{length_s * 1000:.0f} ms"
    return f"{localized(f'{length_s:.2f}')} s"


def iso_time(time_ms: int | None) -> str:
    """Return a time in ISO 8601: `2026-11-22T14:05:33Z`, "" for None."""
    if time_ms is None:
        return ""
    return datetime.fromtimestamp(time_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def utc_time(time_ms: int | None) -> str:
    """Return a time in UTC for people; a script converts it to the browser's time zone."""
    if time_ms is None:
        return UNKNOWN
    return datetime.fromtimestamp(time_ms // 1000, UTC).strftime("%Y-%m-%d %H:%M")


def zoned_time(time_ms: int | None) -> str:
    """Return a time in the reader's zone with the zone's name: `2026-11-22 15:05 CET`.

    In UTC if the reader wants the browser's zone: a script converts it.
    """
    if time_ms is None:
        return UNKNOWN
    at = datetime.fromtimestamp(time_ms // 1000, VIEW.get().tz)
    return at.strftime("%Y-%m-%d %H:%M %Z")


def local_times(text: str) -> Markup:
    """Return a sentence whose times in UTC become `<time>`, which the browser converts.

    A time in a sentence is `2026-11-29 12:03:10 UTC`.
    """
    parts = _SENTENCE_TIME.split(text)
    shown = [escape(part) for part in parts]
    shown[1::2] = [
        Markup('<time datetime="{}T{}Z" data-local>{} UTC</time>').format(*part.split(), part)
        for part in parts[1::2]
    ]
    return Markup("").join(shown)


class Statement(Protocol):
    """A sentence with values, made outside of the pages."""

    @property
    def template(self) -> str:
        """The sentence in English, with `%(name)s` for each value."""

    def filled(self, template: str) -> str:
        """Return a translation of the template with the values."""


def sentence(statement: Statement) -> str:
    """Return a statement in the reader's language."""
    return statement.filled(gettext(statement.template))


_WEEKDAYS: Final = {
    "mon": marked("Mon"),
    "tue": marked("Tue"),
    "wed": marked("Wed"),
    "thu": marked("Thu"),
    "fri": marked("Fri"),
    "sat": marked("Sat"),
    "sun": marked("Sun"),
}


def weekday(key: str) -> str:
    """Return the short name of a day of the week: `mon` is `Mon`."""
    return gettext(_WEEKDAYS[key])


def bar_width(ratio: float | None) -> str:
    """Return the length of a bar in percent, for an SVG attribute."""
    return "0" if ratio is None else f"{min(max(ratio, 0.0), 1.0) * 100:.1f}"


def bdi(data: str | None) -> str:
    """Return data of users or hosts, such as a name, as an element: "" for None or nothing.

    The element keeps the direction of the data apart from that of the sentence around it, and
    tells data from texts, which are translated.
    """
    return Markup("<bdi>{}</bdi>").format(data) if data else ""


def uncapitalized(text: str) -> str:
    """Return a text as it stands within a sentence: `By day` is `by day`."""
    return text[:1].lower() + text[1:]


def noun(text: str) -> str:
    """Return a noun as it stands within a sentence: German writes it with a capital letter."""
    return text if VIEW.get().language == "de" else uncapitalized(text)


def message(text: str | None, *, is_sentence: bool = False) -> str:
    """Return the message of an error in the reader's language, with a capital if it is a sentence.

    A message without a translation is marked as English, for screen readers.
    """
    if not text:
        return ""
    found = translated_message(text)
    shown = text if found is None else found
    shown = shown[:1].upper() + shown[1:] if is_sentence else shown
    return Markup('<span lang="en">{}</span>').format(shown) if found is None else escape(shown)


FILTERS: Final[Mapping[str, Callable[..., str]]] = {
    "percent": percent,
    "hundredths": hundredths,
    "size": size,
    "speed": speed,
    "count": count,
    "decimals": decimals,
    "number": number,
    "plain": plain,
    "localized": localized,
    "value": value,
    "span": span,
    "seconds": seconds,
    "iso_time": iso_time,
    "local_times": local_times,
    "sentence": sentence,
    "weekday": weekday,
    "utc_time": utc_time,
    "zoned_time": zoned_time,
    "bar_width": bar_width,
    "bdi": bdi,
    "uncapitalized": uncapitalized,
    "noun": noun,
    "message": message,
}
