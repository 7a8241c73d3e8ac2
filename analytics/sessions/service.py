"""Everything that the web application needs of coding agents' sessions."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from analytics.series.session_counters import SessionCounters
from analytics.sessions.github_secrets import GithubSecrets, Sealing
from analytics.sessions.ingestion import SessionIngestion
from analytics.sessions.outcomes.github_puller import GithubPuller
from analytics.sessions.outcomes.intake import OutcomeIntake
from analytics.sessions.price_list import PriceList
from analytics.sessions.settings import SessionSettings
from model.clock import Clock
from storage.api.agent_sessions.store import AgentSessionStore

if TYPE_CHECKING:
    from analytics.sessions.reports import AgentReports


@dataclass(frozen=True)
class AgentSessions:
    """Sessions of coding agents.

    Attributes:
        settings: section `sessions` of the configuration.
        secrets: what is shared with GitHub.
        store: the store.
        ingestion: stores what agents report.
        outcomes: stores pull requests, reviews and commits.
        puller: pulls them from GitHub; without repositories, it has nothing to do.
        prices: what tokens cost.
        counters: counts tokens and cost, for the series of teams.
        clock: the time.
    """

    settings: SessionSettings
    secrets: GithubSecrets
    store: AgentSessionStore
    ingestion: SessionIngestion
    outcomes: OutcomeIntake
    puller: GithubPuller
    prices: PriceList
    counters: SessionCounters
    clock: Clock

    @cached_property
    def reports(self) -> "AgentReports":
        """Answers reports; imported at the first use."""
        from analytics.sessions.reports import AgentReports

        return AgentReports(self.store, self.settings, self.clock)

    @classmethod
    def over(
        cls,
        settings: SessionSettings,
        store: AgentSessionStore,
        clock: Clock,
        sealing: Sealing | None = None,
    ) -> "AgentSessions":
        """Return the service over its store."""
        prices, counters = PriceList(store), SessionCounters()
        outcomes = OutcomeIntake(store, hash_emails=settings.hash_emails)
        secrets = GithubSecrets(settings, store, clock, sealing)
        return cls(
            settings,
            secrets,
            store,
            SessionIngestion(store, prices, settings, counters, clock),
            outcomes,
            GithubPuller(settings.github, secrets.token, store, outcomes, clock),
            prices,
            counters,
            clock,
        )
