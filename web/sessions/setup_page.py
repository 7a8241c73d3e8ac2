"""The set-up page: settings and commands that send sessions, a fresh key, GitHub's secrets."""

import shlex
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web
from pydantic import ValidationError

from storage.api.accounts import Role
from web.http.errors import BadRequestError, ForbiddenError
from web.http.network import base_url
from web.http.parameters import read_form
from web.http.routing import Access, Route, Surface, user_of
from web.http.validation import field_errors
from web.sessions.access import require_reader
from web.sessions.agent_settings import agent_settings
from web.sessions.forms import GithubSecretQuery, GithubSecretsForm
from web.sessions.github_api import SessionGithubApi
from web.sessions.parts import SessionParts, session_page

SETUP: Final = session_page("/setup", "Set up", "setup_page")
AGENTS: Final = (
    ("Claude Code", "~/.claude/projects"),
    ("Codex", "~/.codex/sessions"),
    ("Gemini CLI", "~/.gemini/tmp"),
    ("GitHub Copilot", "~/.copilot/otel"),
    ("opencode", "~/.local/share/opencode"),
)

_GITHUB: Final = f"{SETUP.path}/github"
_SECRETS: Final = frozenset({"token", "webhook_secret"})
_EMPTY: Final = "fill in the token, the secret of the webhooks, or both"

IssueKey = Callable[[web.Request], Awaitable[str]]
"""Creates a key of the sender with the scope push, and returns its secret."""


class SessionSetupPages:
    """Shows the settings and commands, creates keys, and takes GitHub's secrets from admins."""

    def __init__(self, parts: SessionParts, issue_key: IssueKey, github: SessionGithubApi) -> None:
        self._parts, self._issue_key, self._github = parts, issue_key, github

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        return (
            self._parts.route(SETUP, self.show),
            Route("POST", SETUP.path, self.create, Access.EDITOR, Surface.PAGE),
            Route("POST", _GITHUB, self.set_github, Access.ADMIN, Surface.PAGE),
            Route("POST", f"{_GITHUB}/remove", self.remove_github, Access.ADMIN, Surface.PAGE),
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

    async def set_github(self, request: web.Request) -> web.Response:
        """Store the secrets of the form; an empty field leaves its secret as it is."""
        fields = await read_form(request)
        try:
            form = GithubSecretsForm.model_validate(
                {name: text.strip() for name, text in fields.items() if text.strip()}
            )
            await self._github.set_secrets(request, form)
        except ValidationError as exc:
            problems = field_errors(exc)
            problems = problems if set(problems) & _SECRETS else {"token": _EMPTY}
            return await self._shown(request, None, problems)
        except BadRequestError as exc:
            return await self._shown(request, None, {exc.field or "token": exc.message})
        raise web.HTTPSeeOther(f"{SETUP.path}#github")

    async def remove_github(self, request: web.Request) -> web.Response:
        """Remove a stored secret."""
        query = GithubSecretQuery.model_validate(await read_form(request))
        await self._github.remove_secret(request, query)
        raise web.HTTPSeeOther(f"{SETUP.path}#github")

    async def _shown(
        self, request: web.Request, secret: str | None, problems: dict[str, str] | None = None
    ) -> web.Response:
        require_reader(request, self._parts.settings)
        settings = self._parts.settings
        # The Host header may be forged: only who creates a key here is shown an address from it.
        is_known = secret is not None or settings.public_url is not None
        url = base_url(request, settings) if is_known else "YOUR-SERVER"
        is_admin = user_of(request).role is Role.ADMIN
        lines = (
            f"export REDSHANK_URL={shlex.quote(url)}",
            f"export REDSHANK_TOKEN={shlex.quote(secret or 'YOUR-KEY')}",
        )
        commands = [(name, f"redshank ingest-traces --watch {path}") for name, path in AGENTS]
        return await self._parts.page(
            request,
            SETUP,
            400 if problems else 200,
            github=await self._github.document() if is_admin else None,
            webhook_url=f"{url.rstrip('/')}/api/session-outcomes/github",
            problems=problems or {},
            secret=secret,
            variables="\n".join(lines),
            commands=commands,
            agents=agent_settings(url.rstrip("/"), secret or "YOUR-KEY"),
            may_create=user_of(request).role is not Role.VIEWER,
        )
