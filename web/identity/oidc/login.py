"""A login at the provider, from the button to the user."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

import structlog
from aiohttp import web

from model.clock import Clock
from storage.api.accounts import AccountRecords, User
from storage.api.audit import LOGIN_FAILED
from storage.api.people.external_identities import ExternalIdentityRecords
from web.http.audit_trail import AuditNote, add_note
from web.http.errors import WebError
from web.http.network import base_url, client_address
from web.identity.keys import KeyRing
from web.identity.oidc.attempts import Attempts, BegunLogin
from web.identity.oidc.errors import OidcRefusedError
from web.identity.oidc.id_token import verified_claims
from web.identity.oidc.provider import Provider
from web.identity.oidc.users import OidcUsers
from web.oidc_settings import OidcSettings
from web.settings import WebSettings

log = structlog.get_logger(__name__)

CALLBACK: Final = "/login/oidc/callback"
_LONGEST_ANSWER: Final = 4096


class OidcLogin:
    """Logs users in who prove at the provider who they are."""

    def __init__(
        self,
        oidc: OidcSettings,
        settings: WebSettings,
        accounts: AccountRecords,
        identities: ExternalIdentityRecords,
        keys: KeyRing,
        clock: Clock,
    ) -> None:
        self.oidc, self._settings, self._clock = oidc, settings, clock
        self._provider = Provider(oidc, clock)
        self._attempts = Attempts(keys, clock)
        self._users = OidcUsers(accounts, identities, clock, oidc)

    async def close(self) -> None:
        """Close the connections to the provider."""
        await self._provider.close()

    async def begin(self, request: web.Request, target: str) -> tuple[BegunLogin, str]:
        """Return a new login, and the provider's address that the browser goes to.

        Raises:
            ProviderError: the provider cannot be used.
        """
        document = await self._provider.discovered()
        begun = await self._attempts.begin(base_url(request, self._settings) + CALLBACK, target)
        attempt = begun.attempt
        query = {
            "response_type": "code",
            "client_id": self.oidc.client_id,
            "redirect_uri": attempt.redirect_uri,
            "scope": " ".join(self.oidc.scopes),
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": attempt.challenge,
            "code_challenge_method": "S256",
        }
        mark = "&" if "?" in document.authorization_endpoint else "?"
        return begun, f"{document.authorization_endpoint}{mark}{urlencode(query)}"

    async def end(self, request: web.Request, sealed: str) -> tuple[User, str]:
        """Return the user whom the provider's answer proves, and the path that was wanted.

        Raises:
            OidcRefusedError, ProviderError: it proves nobody; the message states the reason.
        """
        try:
            return await self._end(request, sealed)
        except WebError as exc:
            address = client_address(request, self._settings)
            log.warning("oidc_login_failed", address=address, reason=exc.message)
            details = {"reason": exc.message}
            add_note(
                request,
                AuditNote(LOGIN_FAILED, "unknown user", details, even_if_refused=True),
            )
            raise

    async def _end(self, request: web.Request, sealed: str) -> tuple[User, str]:
        answer = request.query
        attempt = await self._attempts.end(sealed, answer.get("state", ""))
        document = await self._provider.discovered()
        issuer = answer.get("iss")
        # RFC 9207: the answer of another provider must not be taken to this one.
        is_named = document.authorization_response_iss_parameter_supported
        if issuer != document.issuer and (issuer is not None or is_named):
            raise OidcRefusedError("this answer is not of the provider that the login began at")
        if "error" in answer:
            raise OidcRefusedError(f"the provider refused the login: {_reason(answer)}")
        code = answer.get("code", "")
        if not code or len(code) > _LONGEST_ANSWER:
            raise OidcRefusedError("the provider's answer has no code")
        tokens = await self._provider.exchange(code, attempt.verifier, attempt.redirect_uri)
        claims = await verified_claims(
            tokens.id_token, self._provider, attempt.nonce, self._clock()
        )
        return await self._users.user(
            request, await self._completed(claims, tokens.access_token)
        ), attempt.target

    async def _completed(self, claims: Mapping[str, Any], access_token: str) -> Mapping[str, Any]:
        """Return the claims, with those that only the userinfo endpoint has."""
        needed = {self.oidc.name_claim}
        if self.oidc.roles:
            needed.add(self.oidc.groups_claim)
        if self.oidc.domains:
            needed |= {"email", "email_verified"}
        if needed <= claims.keys():
            return claims
        further = await self._provider.user_info(access_token)
        if further and further.get("sub") != claims["sub"]:
            raise OidcRefusedError("the provider's userinfo is of another user")
        # The ID token is signed for us: its claims win.
        return {**further, **claims}


def _reason(answer: Mapping[str, str]) -> str:
    """Return the provider's reason as one short line of printable text."""
    text = answer.get("error_description") or answer.get("error", "")
    return "".join(each if each.isprintable() else " " for each in text)[:200]
