"""JSON Web Tokens for the clients of the replaced APIs.

Each token names a stored credential. Revoking the credential, a new password and the
removal of the user end the token at once, though its signature is still valid.
"""

import secrets
from dataclasses import dataclass
from typing import Final

from model.clock import Clock
from storage.api.accounts import AccountRecords, Credential, CredentialKind, Scope, User
from web.identity.keys import KeyRing
from web.identity.secret_hashes import secret_hash

_AUDIENCE: Final = "redshank api"


def is_signed(token: str) -> bool:
    """Report whether a token looks like a JWT; random tokens contain no dot."""
    return token.count(".") == 2


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A new token, which is valid for `lifetime_s`."""

    token: str
    lifetime_s: int
    credential: Credential


class AccessTokens:
    """Issues and checks JSON Web Tokens."""

    def __init__(
        self, accounts: AccountRecords, keys: KeyRing, clock: Clock, lifetime_s: int
    ) -> None:
        self._accounts, self._keys, self._clock = accounts, keys, clock
        self.lifetime_s = lifetime_s

    async def issue(self, user: User, label: str, scopes: frozenset[Scope]) -> AccessToken:
        """Create a token of a user."""
        name, now_ms = secrets.token_urlsafe(24), self._clock()
        credential = await self._accounts.add_credential(
            user.id,
            CredentialKind.JWT,
            secret_hash(name),
            label,
            now_ms,
            now_ms + self.lifetime_s * 1000,
            scopes,
        )
        claims = {"sub": user.name, "jti": name, "scope": " ".join(sorted(scopes))}
        await self._keys.ready()
        token = self._keys.sign(claims, _AUDIENCE, now_ms, self.lifetime_s)
        return AccessToken(token, self.lifetime_s, credential)

    async def find(self, token: str) -> tuple[Credential, User] | None:
        """Return the valid credential that a token names and its user, None if there is none."""
        await self._keys.ready()
        now_ms = self._clock()
        claims = self._keys.claims(token, _AUDIENCE, now_ms)
        name = claims.get("jti") if claims else None
        if not isinstance(name, str):
            return None
        found = await self._accounts.credential(secret_hash(name), now_ms)
        if found is None or found[0].kind is not CredentialKind.JWT:
            return None
        return found
