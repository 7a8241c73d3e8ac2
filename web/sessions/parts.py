"""The parts that the pages of sessions share: tabs, ranges, texts of figures."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlencode

from aiohttp import web

from analytics.sessions.service import AgentSessions
from model.clock import Clock
from storage.api.agent_sessions.reports import AgentTotals
from web.http.filters import hundredths, localized
from web.http.pages import Page
from web.http.routing import Handler, Route
from web.http.viewing.texts import gettext, marked
from web.live.shell import Shell
from web.sessions.access import page_access, require_reader
from web.sessions.documents import known_cost
from web.settings import WebSettings

ROOT: Final = "/sessions"
TABS: Final = (
    ("", marked("Sessions")),
    ("/usage", marked("Teams and cost")),
    ("/profile", marked("Profile")),
    ("/insights", marked("Insights")),
    ("/prices", marked("Prices")),
    ("/setup", marked("Set up")),
)
RANGES: Final = {
    "7": marked("7 days"),
    "30": marked("30 days"),
    "90": marked("90 days"),
    "365": marked("A year"),
}
DEFAULT_DAYS: Final = 30


def session_page(tab: str, title: str, template: str, position: int | None = None) -> Page:
    """Return a page of the sessions."""
    return Page(
        path=f"{ROOT}{tab}",
        title=title,
        template=f"sessions/{template}.html",
        position=position,
        parent=None if position is not None else ROOT,
    )


@dataclass(frozen=True, slots=True)
class SessionParts:
    """The services that every page of sessions needs."""

    sessions: AgentSessions
    shell: Shell
    settings: WebSettings
    clock: Clock

    def route(self, page: Page, show: Handler) -> Route:
        """Register a page for those who may read sessions; return its route."""
        return self.shell.route(replace(page, access=page_access(self.settings)), show)

    async def page(
        self, request: web.Request, page: Page, status: int = 200, /, **values: Any
    ) -> web.Response:
        """Return a page in its frame, with the tabs."""
        require_reader(request, self.settings)
        shown = replace(page, access=page_access(self.settings))
        tab = page.path.removeprefix(ROOT)
        return await self.shell.page(
            request,
            shown,
            status,
            **{"tabs": TABS, "tab": tab, "root": ROOT, **FORMATS, **values},
        )


def days_of(query: Mapping[str, str]) -> int:
    """Return the chosen range in days, the default for an address edited by hand."""
    return int(query["days"]) if query.get("days") in RANGES else DEFAULT_DAYS


def address_of(query: Mapping[str, str], **changes: str | None) -> str:
    """Return the query of an address with some parameters changed."""
    chosen = {**query, **changes}
    return "?" + urlencode({name: value for name, value in chosen.items() if value})


def dollars(amount: float | None) -> str:
    """Return an amount: `$12.30`, `$0.0042` below a cent, a dash if unknown.

    The sign stands where the reader's language puts it.
    """
    if amount is None:
        return "\N{EN DASH}"
    number = f"{amount:.4f}" if 0 < amount < 0.01 else f"{amount:,.2f}"
    return gettext("$%(amount)s") % {"amount": localized(number)}


def cost_text(totals: AgentTotals) -> str:
    """Return the cost of requests, `unpriced` if no model of them has a price."""
    cost = known_cost(totals)
    return gettext("unpriced") if cost is None else dollars(cost)


def share(ratio: float | None) -> str:
    """Return a share in per cent."""
    return "\N{EN DASH}" if ratio is None else f"{hundredths(ratio)} %"


FORMATS: Final[Mapping[str, Any]] = {
    "dollars": dollars,
    "cost_text": cost_text,
    "share": share,
}
