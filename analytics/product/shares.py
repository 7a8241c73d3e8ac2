"""Share links of reports: created with a secret token, found by it, revoked."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from secrets import token_urlsafe
from typing import Final

from analytics.errors import ReportError
from model.clock import Clock
from storage.api.projects import Project
from storage.api.reports.shares import NewShare, ReportShare, ShareRecords

MOST_SHARES: Final = 200
LARGEST_SHARED_BYTES: Final = 64 * 1024
_TOKEN_BYTES: Final = 24
_DAY_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True)
class IssuedShare:
    """A new link: its token, of which only a hash is stored, and its number."""

    token: str
    id: int
    expires_ms: int


class ReportShares:
    """The share links of all projects."""

    def __init__(self, records: ShareRecords, clock: Clock) -> None:
        self._records, self._clock = records, clock

    async def create(
        self, project: Project, kind: str, title: str, definition: str, author: str, days: int
    ) -> IssuedShare:
        """Create a link that ends after some days.

        Raises:
            ReportError: the definition is too large, or there are too many links.
        """
        if len(definition) > LARGEST_SHARED_BYTES:
            raise ReportError(f"is larger than {LARGEST_SHARED_BYTES} bytes", "definition")
        if len(await self.live(project)) >= MOST_SHARES:
            raise ReportError(f"the project has {MOST_SHARES} links; revoke one", "title")
        token, now_ms = token_urlsafe(_TOKEN_BYTES), self._clock()
        expires_ms = now_ms + days * _DAY_MS
        share = NewShare(_hash(token), kind, title, definition, author, now_ms, expires_ms)
        return IssuedShare(token, await self._records.add(project.id, share), expires_ms)

    async def find(self, token: str) -> ReportShare | None:
        """Return the link of a token, None if there is none or it has ended."""
        return await self._records.find(_hash(token), self._clock())

    async def live(self, project: Project) -> Sequence[ReportShare]:
        """Return the links of a project that have not ended, newest first."""
        return await self._records.live(project.id, self._clock())

    async def revoke(self, project: Project, share_id: int) -> None:
        """End a link at once.

        Raises:
            NotFoundError: the project has no such link.
        """
        await self._records.revoke(project.id, share_id)


def _hash(token: str) -> str:
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
