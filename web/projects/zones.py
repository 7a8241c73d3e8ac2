"""The time zones that a form offers."""

import asyncio
from functools import cache
from zoneinfo import available_timezones


@cache
def _names() -> tuple[str, ...]:
    # "posix/…" and "right/…" repeat the others; "localtime" depends on the server.
    unusual = ("posix/", "right/", "localtime", "Factory", "SystemV/")
    return tuple(sorted(one for one in available_timezones() if not one.startswith(unusual)))


async def zone_names() -> tuple[str, ...]:
    """Return the IANA names; the first call reads the folders of the time zone database."""
    return await asyncio.to_thread(_names)
