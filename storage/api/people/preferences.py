"""The preferences of a user: how pages look for this user only."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Preferences:
    """The preferences of one user; "" leaves a choice to the browser.

    Attributes:
        zone: the time zone of absolute times: "" or `viewer` for the browser's, `server`
            for the server's, `utc` for UTC.
        language: the language of the pages, such as `de`.
        theme: `light`, `dark` or "".
        steps_hidden: whether the first steps on the page of hosts are hidden.
    """

    zone: str = ""
    language: str = ""
    theme: str = ""
    steps_hidden: bool = False


NO_PREFERENCES = Preferences()


class PreferenceRecords(Protocol):
    """The preferences of users."""

    async def get(self, user_id: int) -> Preferences:
        """Return a user's preferences, the defaults for a user without any."""

    async def put(self, user_id: int, preferences: Preferences) -> None:
        """Replace a user's preferences.

        Raises:
            NotFoundError: no such user.
        """
