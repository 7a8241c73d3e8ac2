"""Shared dashboards: links that show a dashboard without a login until they end.

The store gets the SHA-256 of a link's token in hex, never the token.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class NewDashboardShare:
    """A link to be stored.

    Attributes:
        token_hash: of the token in the link.
        uid: of the dashboard.
        variables: the values of its variables that the link shares, a JSON object as text.
        author: the name of who created it.
        created_ms, expires_ms: when it was created, and when it ends.
    """

    token_hash: str
    uid: str
    variables: str
    author: str
    created_ms: int
    expires_ms: int


@dataclass(frozen=True, slots=True)
class DashboardShare(NewDashboardShare):
    """A stored link; its number is never given to another one."""

    id: int


class DashboardShareRecords(Protocol):
    """The links to all dashboards. They end with their dashboard."""

    async def add(self, share: NewDashboardShare) -> DashboardShare:
        """Store a link; links that have ended are deleted."""

    async def find(self, token_hash: str, now_ms: int) -> DashboardShare | None:
        """Return the link of a token, None if there is none or it has ended."""

    async def live(self, uid: str, now_ms: int) -> Sequence[DashboardShare]:
        """Return the links of a dashboard that have not ended, newest first."""

    async def revoke(self, uid: str, share_id: int) -> None:
        """End a link at once.

        Raises:
            NotFoundError: the dashboard has no such link.
        """
