"""GitHub's token and the webhooks' secret: of the configuration, or encrypted in the store."""

import asyncio
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from analytics.errors import SecretError
from analytics.sessions.outcomes.github_client import GithubError
from analytics.sessions.settings import SessionSettings
from model.clock import Clock
from storage.api.agent_sessions.outcomes import SealedSecret
from storage.api.agent_sessions.store import AgentSessionStore

_MOST_TOKEN_BYTES: Final = 4096


class Sealing(Protocol):
    """Encrypts secrets with a key that the store does not have."""

    def seal(self, purpose: str, text: str) -> str:
        """Return `text` encrypted; decrypting it needs the same purpose."""

    def unseal(self, purpose: str, sealed: str) -> str:
        """Return the decrypted text.

        Raises:
            SecretError: it was encrypted with another key.
        """


class GithubSecret(StrEnum):
    """A secret that is shared with GitHub."""

    TOKEN = "token"  # noqa: S105
    WEBHOOK_SECRET = "webhook_secret"  # noqa: S105


class SecretOrigin(StrEnum):
    """Where a secret comes from."""

    CONFIGURATION = "configuration"
    STORE = "store"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class SecretState:
    """The state of a secret, without the secret itself.

    Attributes:
        set_ms: when it was stored; None without a stored one.
    """

    origin: SecretOrigin
    set_ms: int | None = None


class GithubSecrets:
    """The secrets that are shared with GitHub; those of the configuration go first.

    Args:
        settings: section `sessions` of the configuration.
        store: keeps encrypted secrets.
        clock: returns the current time.
        sealing: encrypts; None where secrets can only be configured.
    """

    def __init__(
        self,
        settings: SessionSettings,
        store: AgentSessionStore,
        clock: Clock,
        sealing: Sealing | None = None,
    ) -> None:
        self._settings, self._store, self._clock = settings, store, clock
        self._sealing = sealing

    async def token(self) -> str:
        """Return the token; reads its file anew, so that a replaced one counts at once.

        Raises:
            GithubError: there is none, or it cannot be read.
        """
        settings = self._settings.github
        if settings.token is not None:
            return settings.token.get_secret_value()
        if settings.token_file is not None:
            return await asyncio.to_thread(self._token_of_file)
        try:
            token = await self._stored(GithubSecret.TOKEN)
        except SecretError as exc:
            raise GithubError(str(exc)) from exc
        if not token:
            raise GithubError(
                "there is no token: set sessions.github.token_file, or PUT /api/session-github"
            )
        return token

    def _token_of_file(self) -> str:
        file = self._settings.github.token_file
        assert file is not None  # noqa: S101
        try:
            with file.open("rb") as opened:
                return opened.read(_MOST_TOKEN_BYTES).decode("ascii").strip()
        except (OSError, UnicodeDecodeError) as exc:
            raise GithubError(f"token_file cannot be read: {type(exc).__name__}") from exc

    async def webhook_secret(self) -> str:
        """Return what signs the webhooks, "" if there is none.

        Raises:
            SecretError: the stored one cannot be decrypted.
        """
        configured = self._settings.github_webhook_secret
        if configured is not None:
            return configured.get_secret_value()
        return await self._stored(GithubSecret.WEBHOOK_SECRET)

    async def state(self, secret: GithubSecret) -> SecretState:
        """Return where a secret comes from."""
        if self._is_configured(secret):
            return SecretState(SecretOrigin.CONFIGURATION)
        found = await self._store.sealed_secret(_purpose(secret))
        if found is None:
            return SecretState(SecretOrigin.NONE)
        return SecretState(SecretOrigin.STORE, found.set_ms)

    async def set(self, secret: GithubSecret, text: str) -> None:
        """Store a secret, encrypted.

        Raises:
            SecretError: the configuration has one, or nothing is stored here.
        """
        if self._is_configured(secret):
            raise SecretError("the configuration sets it; remove it there first", secret)
        if self._sealing is None:
            raise SecretError("secrets are not stored here", secret)
        purpose = _purpose(secret)
        sealed = SealedSecret(self._sealing.seal(purpose, text), self._clock())
        await self._store.set_sealed_secret(purpose, sealed)

    async def remove(self, secret: GithubSecret) -> bool:
        """Remove a stored secret; return whether there was one."""
        found = await self._store.sealed_secret(_purpose(secret))
        if found is not None:
            await self._store.set_sealed_secret(_purpose(secret), None)
        return found is not None

    async def _stored(self, secret: GithubSecret) -> str:
        purpose = _purpose(secret)
        found = await self._store.sealed_secret(purpose)
        if found is None or self._sealing is None:
            return ""
        return self._sealing.unseal(purpose, found.sealed)

    def _is_configured(self, secret: GithubSecret) -> bool:
        if secret is GithubSecret.WEBHOOK_SECRET:
            return self._settings.github_webhook_secret is not None
        github = self._settings.github
        return github.token is not None or github.token_file is not None


def _purpose(secret: GithubSecret) -> str:
    return f"sessions.github {secret.value}"
