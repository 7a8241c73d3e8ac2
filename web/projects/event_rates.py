"""Refuses what a project sends beyond its limit of events a second."""

import math

from analytics.service import Analytics
from storage.api.projects import Project
from web.http.errors import TooManyRequestsError


def require_rate(analytics: Analytics, project: Project, events: int) -> None:
    """Return if a project may send so many events or requests now.

    Raises:
        TooManyRequestsError: it has sent too many.
    """
    wait_s = analytics.rates.take(project, events)
    if wait_s:
        limit = analytics.rates.limit(project)
        raise TooManyRequestsError(
            f"more than {limit} events a second in this project: send more slowly, or raise its"
            " limit (in the project's settings, or analytics.events_per_second)",
            math.ceil(wait_s),
        )
