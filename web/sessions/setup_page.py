"""The set-up page: settings that send events and commands that send traces, with a fresh key."""

import shlex
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from storage.api.accounts import Role
from web.http.errors import ForbiddenError
from web.http.network import base_url
from web.http.routing import Access, Route, Surface, user_of
from web.sessions.access import require_reader
from web.sessions.agent_settings import agent_settings
from web.sessions.parts import SessionParts, session_page

SETUP: Final = session_page("/setup", "Set up", "setup_page")
AGENTS: Final = (
    ("Claude Code", "~/.claude/projects"),
    ("Codex", "~/.codex/sessions"),
    ("Gemini CLI", "~/.gemini/tmp"),
    ("GitHub Copilot", "~/.copilot/otel"),
)

IssueKey = Callable[[web.Request], Awaitable[str]]
"""Creates a key of the sender with the scope push, and returns its secret."""


class SessionSetupPages:
    """Shows the settings and commands, and creates keys for editors and admins."""

    def __init__(self, parts: SessionParts, issue_key: IssueKey) -> None:
        self._parts, self._issue_key = parts, issue_key

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        return (
            self._parts.route(SETUP, self.show),
            Route("POST", SETUP.path, self.create, Access.EDITOR, Surface.PAGE),
        )

    async def show(self, request: web.Request) -> web.Response:
        """Show the settings with placeholders for the key and an address that is not configured."""
        return await self._shown(request, None)

    async def create(self, request: web.Request) -> web.Response:
        """Create a key, and show the settings with it; the key is not shown again."""
        require_reader(request, self._parts.settings)
        if user_of(request).role is Role.VIEWER:
            raise ForbiddenError("a viewer may not push")
        return await self._shown(request, await self._issue_key(request))

    async def _shown(self, request: web.Request, secret: str | None) -> web.Response:
        require_reader(request, self._parts.settings)
        settings = self._parts.settings
        # The Host header may be forged: only who creates a key here is shown an address from it.
        is_known = secret is not None or settings.public_url is not None
        url = base_url(request, settings) if is_known else "YOUR-SERVER"
        lines = (
            f"export REDSHANK_URL={shlex.quote(url)}",
            f"export REDSHANK_TOKEN={shlex.quote(secret or 'YOUR-KEY')}",
        )
        commands = [(name, f"redshank ingest-traces --watch {path}") for name, path in AGENTS]
        return await self._parts.page(
            request,
            SETUP,
            secret=secret,
            variables="\n".join(lines),
            commands=commands,
            agents=agent_settings(url.rstrip("/"), secret or "YOUR-KEY"),
            may_create=user_of(request).role is not Role.VIEWER,
        )
