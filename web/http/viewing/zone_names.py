"""Names of time zones in forms."""

import zoneinfo
from typing import Annotated

from pydantic import AfterValidator


def _known(name: str) -> str:
    try:
        zoneinfo.ZoneInfo(name)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError) as exc:
        raise ValueError("no such time zone: write one such as Europe/Berlin or UTC") from exc
    return name


KnownZoneName = Annotated[str, AfterValidator(_known)]
"""The name of a zone that this machine's time zone database has."""
