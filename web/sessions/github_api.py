"""`/api/session-github`: the secrets that are shared with GitHub; no answer contains one."""

from typing import Final

from aiohttp import web
from typing_extensions import TypedDict

from analytics.errors import SecretError
from analytics.sessions.github_secrets import GithubSecret, SecretState
from analytics.sessions.service import AgentSessions
from web.http.audit_trail import note
from web.http.errors import BadRequestError, MissingError
from web.http.operations import Operation
from web.http.parameters import read_json, read_query
from web.http.responses import json_response
from web.http.routing import Access, Route, json_routes
from web.sessions.documents import iso
from web.sessions.forms import GithubSecretQuery, GithubSecretsForm

_TAG: Final = "sessions"
_PATH: Final = "/api/session-github"


class GithubSecretDocument(TypedDict):
    """Where a secret comes from: `configuration`, `store` or `none`; when it was stored."""

    origin: str
    set_at: str | None


class SessionGithubDocument(TypedDict):
    """The repositories that are pulled, and the secrets that are set."""

    repositories: list[str]
    token: GithubSecretDocument
    webhook_secret: GithubSecretDocument


class SessionGithubApi:
    """Stores GitHub's secrets encrypted, for admins."""

    def __init__(self, sessions: AgentSessions) -> None:
        self._sessions, self._secrets = sessions, sessions.secrets

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        shown = Operation(_TAG, SessionGithubDocument)
        change = Operation(_TAG, SessionGithubDocument, GithubSecretsForm)
        removal = Operation(_TAG, SessionGithubDocument, query=GithubSecretQuery, errors=(404,))
        return json_routes(
            ("GET", _PATH, self.show, Access.ADMIN, shown),
            ("PUT", _PATH, self.change, Access.ADMIN, change),
            ("DELETE", _PATH, self.remove, Access.ADMIN, removal),
        )

    async def show(self, request: web.Request) -> web.Response:
        """Show which secrets are set; the secrets themselves cannot be read."""
        return await self._shown()

    async def change(self, request: web.Request) -> web.Response:
        """Store the secrets of the form; one that is absent stays as it is."""
        await self.set_secrets(request, await read_json(request, GithubSecretsForm))
        return await self._shown()

    async def set_secrets(self, request: web.Request, form: GithubSecretsForm) -> None:
        """Store the secrets of a form; one that is absent stays as it is.

        Raises:
            BadRequestError: a secret cannot be stored; the error names its field.
        """
        given = {GithubSecret.TOKEN: form.token, GithubSecret.WEBHOOK_SECRET: form.webhook_secret}
        for secret, text in given.items():
            if text is None:
                continue
            try:
                await self._secrets.set(secret, text.get_secret_value())
            except SecretError as exc:
                raise BadRequestError(exc.reason, exc.field) from exc
            note(request, "session-github.set", secret.value)

    async def remove(self, request: web.Request) -> web.Response:
        """Remove a stored secret."""
        await self.remove_secret(request, read_query(request.query, GithubSecretQuery))
        return await self._shown()

    async def remove_secret(self, request: web.Request, query: GithubSecretQuery) -> None:
        """Remove a stored secret.

        Raises:
            MissingError: none is stored.
        """
        secret = GithubSecret(query.name)
        if not await self._secrets.remove(secret):
            raise MissingError(f"no {secret.value} is stored", "name")
        note(request, "session-github.remove", secret.value)

    async def _shown(self) -> web.Response:
        return json_response(await self.document())

    async def document(self) -> SessionGithubDocument:
        """Return which secrets are set, and what is pulled."""
        state = {secret: await self._secrets.state(secret) for secret in GithubSecret}
        return SessionGithubDocument(
            repositories=list(self._sessions.puller.repositories),
            token=_document(state[GithubSecret.TOKEN]),
            webhook_secret=_document(state[GithubSecret.WEBHOOK_SECRET]),
        )


def _document(state: SecretState) -> GithubSecretDocument:
    set_at = None if state.set_ms is None else iso(state.set_ms)
    return GithubSecretDocument(origin=state.origin.value, set_at=set_at)
