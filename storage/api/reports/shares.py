"""Shared reports: questions that anybody with a link may look at until it ends.

The store gets the SHA-256 of a link's token in hex, never the token.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ReportShare:
    """A link to a report.

    Attributes:
        id: its number; it is never given to another link.
        project_key: the key of the project.
        kind: which report it is, such as "funnel".
        title: shown above the report.
        definition: the question, a JSON object as text.
        author: the name of who created it.
        created_ms, expires_ms: when it was created, and when it ends.
    """

    id: int
    project_key: str
    kind: str
    title: str
    definition: str
    author: str
    created_ms: int
    expires_ms: int


@dataclass(frozen=True, slots=True)
class NewShare:
    """A link to be stored; fields as in `ReportShare`."""

    token_hash: str
    kind: str
    title: str
    definition: str
    author: str
    created_ms: int
    expires_ms: int


class ShareRecords(Protocol):
    """The shared reports of all projects."""

    async def add(self, project_id: int, share: NewShare) -> int:
        """Store a link; return its number.

        Raises:
            NotFoundError: no project has this id.
        """

    async def find(self, token_hash: str, now_ms: int) -> ReportShare | None:
        """Return the link of a token, None if there is none or it has ended."""

    async def live(self, project_id: int, now_ms: int) -> Sequence[ReportShare]:
        """Return the links of a project that have not ended, newest first."""

    async def revoke(self, project_id: int, share_id: int) -> None:
        """End a link at once.

        Raises:
            NotFoundError: the project has no such link.
        """
