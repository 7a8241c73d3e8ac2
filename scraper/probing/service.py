"""The probes of the server: their definitions, heartbeats and states together."""

from dataclasses import dataclass

from model.clock import Clock
from model.network.name_lookup import NameLookup
from scraper.probing.heartbeats import Heartbeats
from scraper.probing.library import ProbeLibrary
from scraper.probing.prober import Prober


@dataclass(frozen=True, slots=True)
class ProbeService:
    """The probes of the server: definitions, heartbeats and runs.

    Attributes:
        library: the definitions.
        heartbeats: the URLs that jobs call.
        prober: runs probes, and keeps their states.
    """

    library: ProbeLibrary
    heartbeats: Heartbeats
    prober: Prober

    @classmethod
    def of(cls, library: ProbeLibrary, heartbeats: Heartbeats, clock: Clock) -> "ProbeService":
        """Return the service with a prober of its own."""
        return cls(library, heartbeats, Prober(NameLookup(), clock, heartbeats))

    async def load(self) -> None:
        """Read the stored probes and heartbeats.

        Raises:
            StorageError: the records cannot be read.
        """
        await self.library.load()
        await self.heartbeats.load()

    def refresh(self) -> None:
        """Keep the states of the probes that are not paused."""
        self.prober.watch(
            [entry.definition for entry in self.library.entries() if not entry.definition.paused]
        )
