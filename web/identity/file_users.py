"""Users of a web configuration file: editors, who log in with each request."""

import asyncio

from aiohttp import web

from model.web_config.live import LiveWebConfig
from model.web_config.users import PasswordCheck, credentials
from storage.api.accounts import Role, User
from web.http.routing import Principal


class FileUsers:
    """Checks Basic credentials against the users of the file."""

    def __init__(self, live: LiveWebConfig) -> None:
        self._live, self._check = live, PasswordCheck()

    async def find(self, request: web.Request) -> Principal | None:
        """Return the user of a request, None if the file has no such user and password."""
        users = self._live.current.config.users
        header = request.headers.get("Authorization", "")
        pair = credentials(header) if users else None
        if pair is None or pair[0] not in users:
            return None
        known = self._check.known(users, header)
        if known is None:
            # bcrypt takes up to seconds.
            known = await asyncio.to_thread(self._check.accepts, users, header)
        return Principal(User(0, pair[0], Role.EDITOR, "", 0), None) if known else None
