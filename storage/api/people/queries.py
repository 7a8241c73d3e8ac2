"""The PromQL queries of a user: the last ones that ran, and those that are saved under a name."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from storage.api.errors import RecordError


class TooManyQueriesError(RecordError):
    """A user has as many saved queries as the records take."""

    def __init__(self, most: int) -> None:
        super().__init__(f"you have {most} saved queries, the most that are stored; delete some")


@dataclass(frozen=True, slots=True)
class RanQuery:
    """A query that ran: when last, and how often."""

    query: str
    ran_ms: int
    runs: int


@dataclass(frozen=True, slots=True)
class SavedQuery:
    """A query under a name."""

    id: int
    name: str
    query: str
    saved_ms: int


class QueryRecords(Protocol):
    """The queries of users. They end with their user."""

    async def history(self, user_id: int) -> Sequence[RanQuery]:
        """Return the queries that a user ran, the latest first."""

    async def remember(self, user_id: int, query: str, now_ms: int) -> None:
        """Put a query first in a user's history; the oldest beyond the limit is forgotten.

        Raises:
            NotFoundError: no such user.
        """

    async def forget(self, user_id: int) -> None:
        """Delete a user's history."""

    async def saved(self, user_id: int) -> Sequence[SavedQuery]:
        """Return a user's saved queries by name."""

    async def save(self, user_id: int, name: str, query: str, now_ms: int) -> SavedQuery:
        """Save a query; one with the same name is replaced.

        Raises:
            NotFoundError: no such user.
            TooManyQueriesError: the user has too many.
        """

    async def remove(self, user_id: int, query_id: int) -> None:
        """Delete a saved query.

        Raises:
            NotFoundError: the user has no such query.
        """
