"""Logins that have begun: what the browser keeps until the provider sends it back.

The browser keeps it in an encrypted cookie, so that the server holds nothing for logins
that never end, and nobody can end a login in another browser. A login ends once: the
server remembers the ended ones until they would have expired.
"""

import base64
import hashlib
import hmac
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from pydantic import ConfigDict, ValidationError

from model.base_models import DeferredModel
from model.clock import Clock
from web.identity.keys import KeyRing, KeysError
from web.identity.oidc.errors import OidcRefusedError

LIFETIME_S: Final = 600
_PURPOSE: Final = "oidc login"
_LONGEST_TARGET: Final = 1000
_MOST_ENDED: Final = 10_000

AGAIN: Final = "this login took too long or was begun in another window; log in again"


class Attempt(DeferredModel):
    """A login that has begun.

    Attributes:
        state: comes back with the browser.
        nonce: comes back in the ID token.
        verifier: proves to the provider that the code is ours (PKCE).
        redirect_uri: where the provider sends the browser.
        target: the path that the visitor wanted.
        until_ms: when it expires.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    state: str
    nonce: str
    verifier: str
    redirect_uri: str
    target: str
    until_ms: int

    @property
    def challenge(self) -> str:
        """The hash of `verifier` that the provider gets first (S256)."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@dataclass(frozen=True, slots=True)
class BegunLogin:
    """A new login, and its encrypted form for the cookie."""

    attempt: Attempt
    sealed: str


class Attempts:
    """Begins and ends logins."""

    def __init__(self, keys: KeyRing, clock: Clock) -> None:
        self._keys, self._clock = keys, clock
        # The states of ended logins, with the times when they expire, oldest first.
        self._ended: OrderedDict[str, int] = OrderedDict()

    async def begin(self, redirect_uri: str, target: str) -> BegunLogin:
        """Begin a login."""
        await self._keys.ready()
        attempt = Attempt(
            state=secrets.token_urlsafe(32),
            nonce=secrets.token_urlsafe(32),
            verifier=secrets.token_urlsafe(48),
            redirect_uri=redirect_uri,
            target=target if len(target) <= _LONGEST_TARGET else "/",
            until_ms=self._clock() + LIFETIME_S * 1000,
        )
        return BegunLogin(attempt, self._keys.seal(_PURPOSE, attempt.model_dump_json()))

    async def end(self, sealed: str, state: str) -> Attempt:
        """Return the login that the provider's answer belongs to; it ends here.

        Raises:
            OidcRefusedError: the login was begun in another browser, has ended or expired.
        """
        await self._keys.ready()
        try:
            attempt = Attempt.model_validate_json(self._keys.unseal(_PURPOSE, sealed))
        except (KeysError, ValidationError):
            raise OidcRefusedError(AGAIN) from None
        now_ms = self._clock()
        if not hmac.compare_digest(attempt.state.encode(), state.encode("utf-8", "replace")):
            raise OidcRefusedError(AGAIN)
        if attempt.until_ms <= now_ms or attempt.state in self._ended:
            raise OidcRefusedError(AGAIN)
        while self._ended and next(iter(self._ended.values())) <= now_ms:
            self._ended.popitem(last=False)
        if len(self._ended) >= _MOST_ENDED:
            # An attacker needs as many real logins: the oldest is the least harmful to forget.
            self._ended.popitem(last=False)
        self._ended[attempt.state] = attempt.until_ms
        return attempt
