"""Saved views of the hosts page, which each user has of their own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

MOST_VIEWS = 50
"""The most views of a user."""


class TooManyViewsError(Exception):
    """The user has as many views as one may have."""

    def __init__(self) -> None:
        super().__init__(f"a user has at most {MOST_VIEWS} views; remove one first")


@dataclass(frozen=True, slots=True)
class HostView:
    """A view: the query of the page's URL under a name."""

    user_id: int
    name: str
    query: str


class HostViewRecords(Protocol):
    """The saved views."""

    async def put(self, view: HostView) -> None:
        """Save a view; one of the user with the same name is replaced.

        Raises:
            TooManyViewsError: it would be one too many.
        """

    async def remove(self, user_id: int, name: str) -> None:
        """Remove a view of a user, if there is one with this name."""

    async def of_user(self, user_id: int) -> Sequence[HostView]:
        """Return the views of a user, by name."""
