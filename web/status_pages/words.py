"""The words and numbers that the public reads."""

from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from web.http.filters import localized
from web.http.viewing.texts import gettext, marked
from web.status_pages.days import Bar, ComponentState

STATE_WORDS: Final = MappingProxyType(
    {
        ComponentState.OPERATIONAL: marked("operational"),
        ComponentState.DEGRADED: marked("degraded"),
        ComponentState.DOWN: marked("down"),
        ComponentState.MAINTENANCE: marked("in maintenance"),
        ComponentState.NO_DATA: marked("no data"),
    }
)
HEADLINES: Final = MappingProxyType(
    {
        ComponentState.OPERATIONAL: marked("All systems operational"),
        ComponentState.DEGRADED: marked("Some systems are degraded"),
        ComponentState.DOWN: marked("Some systems are down"),
        ComponentState.MAINTENANCE: marked("Maintenance is in progress"),
        ComponentState.NO_DATA: marked("No data"),
    }
)


def percent_text(ratio: float | None) -> str:
    """Return a share without rounding it up to 100 %: 0.99996 is `99.99 %`."""
    if ratio is None:
        return gettext("no data")
    if ratio >= 1:
        return "100 %"
    return f"{localized(f'{int(ratio * 10_000) / 100:.2f}')} %"


def seconds_text(length_s: float | None) -> str:
    """Return a response time: `120 ms`, `1.4 s`."""
    if length_s is None:
        return gettext("no data")
    if length_s < 0.001:
        return gettext("under 1 ms")
    if length_s < 1:
        return f"{length_s * 1000:.0f} ms"
    return f"{localized(f'{length_s:.1f}')} s"


def length_text(length_s: float) -> str:
    """Return a length of time in its two largest units: `3 d 4 h`, `12 min`."""
    minutes = round(length_s / 60)
    days, hours = divmod(minutes // 60, 24)
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    if hours:
        return f"{hours} h {minutes % 60} min" if minutes % 60 else f"{hours} h"
    return f"{minutes} min"


def bar_text(bar: Bar) -> str:
    """Return what a bar says: the date, the uptime, and over which time it is known."""
    if bar.state is ComponentState.NO_DATA:
        return f"{bar.day}: {gettext('no data')}"
    parts = []
    if bar.up_ratio is not None:
        parts.append(gettext("%(ratio)s up") % {"ratio": percent_text(bar.up_ratio)})
    lengths = (
        (bar.down_s, gettext("down for %(time)s")),
        (bar.degraded_s, gettext("degraded for %(time)s")),
        (bar.maintenance_s, gettext("%(time)s of maintenance")),
    )
    parts += [text % {"time": length_text(length_s)} for length_s, text in lengths if length_s]
    parts.append(gettext("known for %(time)s") % {"time": length_text(bar.known_s)})
    return f"{bar.day}: {', '.join(parts)}"


def iso_text(time_ms: int) -> str:
    """Return a time as RFC 3339 writes it."""
    return datetime.fromtimestamp(time_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def time_text(time_ms: int) -> str:
    """Return a time for people, in UTC; the page's script writes it in the visitor's zone."""
    return datetime.fromtimestamp(time_ms // 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
