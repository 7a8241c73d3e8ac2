"""The name of the machine's time zone."""

import tzlocal


def local_zone() -> str:
    """Return the zone's name, such as `Europe/Berlin`; `UTC` where none can be found."""
    try:
        return tzlocal.get_localzone_name() or "UTC"
    except (LookupError, ValueError, OSError):
        return "UTC"
