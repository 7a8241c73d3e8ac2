"""The discovery page: discovered targets before and after relabelling."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import Final

from aiohttp import web

from model.labels import Labels
from model.targets import TargetStatus
from web.http.pages import Page
from web.http.routing import Route
from web.live.shell import Shell
from web.services import Discovered

_MOST_SHOWN: Final = 300
"""A list of thousands is too long to read; the search finds the rest."""


DISCOVERY: Final = Page(
    path="/discovery",
    title="Discovery",
    template="targets/discovery_page.html",
    parent="/targets",
)


class DiscoveryOutcome(StrEnum):
    """The outcome of a discovered target."""

    SCRAPED = "scraped"
    DROPPED = "dropped"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class DiscoveredTarget:
    """A discovered target.

    Attributes:
        job: the name of its scrape configuration.
        before, after: its labels before and after relabelling; none after it if the
            target is not scraped.
        reason: why it is not scraped, "" if it is.
    """

    job: str
    outcome: DiscoveryOutcome
    before: Labels
    after: Labels
    reason: str = ""


class DiscoveryPages:
    """Shows the discovered targets."""

    def __init__(
        self,
        targets: Callable[[], Sequence[TargetStatus]],
        discovered: Discovered,
        shell: Shell,
    ) -> None:
        self._targets, self._discovered, self._shell = targets, discovered, shell

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        return (self._shell.route(DISCOVERY, self.show),)

    async def show(self, request: web.Request) -> web.Response:
        """Show the labels of discovered targets before and after relabelling."""
        outcome = request.query.get("show", "")
        outcome = outcome if outcome in set(DiscoveryOutcome) else ""
        search = request.query.get("q", "").strip()[:100]
        everything = list(self._found())
        matching = [
            each
            for each in everything
            if outcome in ("", each.outcome)
            and search.casefold() in f"{each.job} {each.before} {each.after}".casefold()
        ]
        matching.sort(key=lambda each: (each.job, each.outcome, each.before))
        counts = self._discovered.dropped_counts()
        kept = Counter(each.job for each in everything if each.outcome is DiscoveryOutcome.DROPPED)
        return await self._shell.page(
            request,
            DISCOVERY,
            jobs=[
                (job, list(members))
                for job, members in groupby(matching[:_MOST_SHOWN], lambda each: each.job)
            ],
            counts={
                str(each): sum(e.outcome is each for e in everything) for each in DiscoveryOutcome
            },
            # Each job keeps only so many dropped targets for this page.
            unkept={job: count - kept[job] for job, count in counts.items() if count > kept[job]},
            total=len(everything),
            shown=len(matching),
            left_out=max(0, len(matching) - _MOST_SHOWN),
            chosen=outcome,
            search=search,
        )

    def _found(self) -> Iterator[DiscoveredTarget]:
        for status in self._targets():
            target = status.target
            yield DiscoveredTarget(
                target.scrape_pool, DiscoveryOutcome.SCRAPED, target.discovered, target.labels
            )
        discovered = self._discovered
        for outcome, others in (
            (DiscoveryOutcome.DROPPED, discovered.dropped()),
            (DiscoveryOutcome.REFUSED, discovered.refused()),
        ):
            for other in others:
                yield DiscoveredTarget(
                    other.pool, outcome, other.discovered, Labels(), other.reason
                )
