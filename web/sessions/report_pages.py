"""Teams and cost, a developer's profile, insights."""

import asyncio
from typing import Any, Final

from aiohttp import web

from storage.api.agent_sessions.reports import AgentSelection, UsageDimension
from web.http.routing import Route
from web.http.viewing.texts import gettext, marked
from web.sessions.access import require_reader
from web.sessions.insight_documents import METHOD, WORDS, effect_size, summary_of
from web.sessions.parts import RANGES, SessionParts, address_of, days_of, session_page

_MOST_ROWS: Final = 20
_MOST_LAG_DAYS: Final = 7

USAGE: Final = session_page("/usage", "Teams and cost", "usage_page")
PROFILE: Final = session_page("/profile", "Profile", "profile_page")
INSIGHTS: Final = session_page("/insights", "Insights", "insights_page")

_DIMENSIONS: Final = {
    UsageDimension.TEAM: marked("Teams"),
    UsageDimension.DEVELOPER: marked("Developers"),
    UsageDimension.MODEL: marked("Models"),
    UsageDimension.PROJECT: marked("Projects"),
    UsageDimension.AGENT: marked("Agents"),
}


class SessionReportPages:
    """Shows the reports."""

    def __init__(self, parts: SessionParts) -> None:
        self._parts = parts
        self._store, self._reports = parts.sessions.store, parts.sessions.reports

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        return (
            self._parts.route(USAGE, self.usage),
            self._parts.route(PROFILE, self.profile),
            self._parts.route(INSIGHTS, self.insights),
        )

    async def usage(self, request: web.Request) -> web.Response:
        """Show what a range cost, by day, team, developer, model, project and agent."""
        require_reader(request, self._parts.settings)
        days = days_of(request.query)
        selection = AgentSelection(*self._reports.last_days(days))
        figures, (labels, series), tools, unpriced, prices, groups = await asyncio.gather(
            self._reports.figures(selection),
            self._reports.daily(selection),
            self._store.tools(selection, _MOST_ROWS),
            self._store.unpriced_models(),
            self._parts.sessions.prices.table(),
            asyncio.gather(
                *(self._store.usage(selection, each, _MOST_ROWS) for each in _DIMENSIONS)
            ),
        )
        models = [each.value for each in groups[list(_DIMENSIONS).index(UsageDimension.MODEL)]]
        chart = {
            "labels": list(labels),
            "complete": [True] * (len(labels) - 1) + [False],
            "lines": [{"name": gettext("Cost, $"), "values": series.cost_usd.tolist()}],
        }
        return await self._parts.page(
            request,
            USAGE,
            **self._range(request, days),
            figures=figures,
            chart_data=chart,
            tools=tools,
            unpriced=unpriced,
            unverified=prices.unverified(models, selection.end_ms),
            groups=dict(zip(_DIMENSIONS.items(), groups, strict=True)),
        )

    async def profile(self, request: web.Request) -> web.Response:
        """Show what one developer, or all together, did in a range."""
        require_reader(request, self._parts.settings)
        days, developer = days_of(request.query), request.query.get("developer") or None
        profile, filters = await asyncio.gather(
            self._reports.profile(developer, days), self._store.filters()
        )
        chart = {
            "labels": list(profile.days),
            "complete": [True] * (len(profile.days) - 1) + [False],
            "lines": [{"name": gettext("Sessions"), "values": list(profile.days.values())}],
        }
        return await self._parts.page(
            request,
            PROFILE,
            **self._range(request, days),
            profile=profile,
            developers=filters.developers,
            chart_data=chart,
        )

    async def insights(self, request: web.Request) -> web.Response:
        """Show what goes with what, with n, interval and method; or why that is unknown."""
        require_reader(request, self._parts.settings)
        days = days_of(request.query)
        text = request.query.get("lag", "1")
        lag = int(text) if text in {str(n) for n in range(_MOST_LAG_DAYS + 1)} else 1
        found = await self._reports.insights(days, range(lag + 1))
        return await self._parts.page(
            request,
            INSIGHTS,
            **self._range(request, days),
            lag=lag,
            lags=range(_MOST_LAG_DAYS + 1),
            insights=found,
            findings=summary_of(found),
            method=gettext(METHOD),
            words=WORDS,
            effect_size=effect_size,
        )

    def _range(self, request: web.Request, days: int) -> dict[str, Any]:
        links = [
            (title, address_of(request.query, days=value), int(value) == days)
            for value, title in RANGES.items()
        ]
        return {"days": days, "range_links": links}
