"""Finds or adds the user whom a provider's claims describe, and keeps the role up to date."""

from collections.abc import Mapping
from typing import Any, Final

import structlog
from aiohttp import web
from pydantic import TypeAdapter, ValidationError

from model.clock import Clock
from storage.api.accounts import AccountRecords, Role, User
from storage.api.errors import LastAdminError, TakenError
from storage.api.people.external_identities import ExternalIdentity, ExternalIdentityRecords
from web.http.audit_trail import AuditNote, add_note
from web.identity.names import UserName
from web.identity.oidc.errors import OidcRefusedError
from web.oidc_settings import OidcSettings

log = structlog.get_logger(__name__)

PROVIDER: Final = "provider"
"""The actor in the audit log for users that a provider added or changed."""

_NAME: TypeAdapter[str] = TypeAdapter(UserName)
_RANK: Final = {Role.VIEWER: 0, Role.EDITOR: 1, Role.ADMIN: 2}


class OidcUsers:
    """The users of a provider."""

    def __init__(
        self,
        accounts: AccountRecords,
        identities: ExternalIdentityRecords,
        clock: Clock,
        settings: OidcSettings,
    ) -> None:
        self._accounts, self._identities = accounts, identities
        self._clock, self._settings = clock, settings

    async def user(self, request: web.Request, claims: Mapping[str, Any]) -> User:
        """Return the user of verified claims; a new one is added.

        Raises:
            OidcRefusedError: the user may not log in here; the message states the reason.
        """
        self._check_domain(claims)
        role = self._role(claims)
        identity = ExternalIdentity(self._settings.issuer, claims["sub"])
        user = await self._identities.find(identity)
        if user is None:
            user = await self._add(request, claims, identity, role or Role.VIEWER)
        # Without groups in the settings, administrators give the roles.
        if role is not None and role is not user.role and self._settings.roles:
            user = await self._set_role(request, user, role)
        return user

    def _check_domain(self, claims: Mapping[str, Any]) -> None:
        domains = self._settings.domains
        if not domains:
            return
        address = claims.get("email")
        _, mark, domain = (address if isinstance(address, str) else "").rpartition("@")
        if not mark or domain.lower() not in domains:
            raise OidcRefusedError("your mail address is of a domain that may not log in here")
        if claims.get("email_verified") is not True:
            raise OidcRefusedError("the provider has not verified your mail address")

    def _role(self, claims: Mapping[str, Any]) -> Role | None:
        groups = claims.get(self._settings.groups_claim, ())
        names = [groups] if isinstance(groups, str) else groups
        found = [
            self._settings.roles[name]
            for name in (names if isinstance(names, list | tuple) else ())
            if isinstance(name, str) and name in self._settings.roles
        ]
        role = max(found, key=_RANK.__getitem__, default=self._settings.default_role)
        if role is None:
            raise OidcRefusedError("you are in none of the groups that may log in here")
        return role

    async def _add(
        self,
        request: web.Request,
        claims: Mapping[str, Any],
        identity: ExternalIdentity,
        role: Role,
    ) -> User:
        name = self._name(claims)
        present = await self._accounts.user(name)
        if present is not None and not self._settings.link_existing:
            raise OidcRefusedError(
                f"a user {name!r} exists here already, who is not the provider's;"
                " ask an administrator"
            )
        if present is not None:
            await self._link(present, identity)
            details = {"issuer": identity.issuer}
            add_note(request, AuditNote("user.link", name, details, PROVIDER))
            return present
        try:
            # Without a password hash, so that the user can log in through the provider only.
            user = await self._accounts.add_user(name, role, "", self._clock())
        except TakenError:
            raise OidcRefusedError("somebody of your name was just added; log in again") from None
        await self._link(user, identity)
        add_note(request, AuditNote("user.add", name, {"role": role}, PROVIDER))
        return user

    async def _link(self, user: User, identity: ExternalIdentity) -> None:
        try:
            await self._identities.link(user.id, identity)
        except TakenError:
            raise OidcRefusedError("two logins of yours began at once; log in again") from None

    def _name(self, claims: Mapping[str, Any]) -> str:
        for claim in (self._settings.name_claim, "email", "sub"):
            try:
                return _NAME.validate_python(claims.get(claim))
            except ValidationError:
                continue
        raise OidcRefusedError(f"the provider's claim {self._settings.name_claim} is no name")

    async def _set_role(self, request: web.Request, user: User, role: Role) -> User:
        try:
            await self._accounts.set_role(user.name, role)
        except LastAdminError:
            log.warning("last_admin_kept", user=user.name, role=role)
            return user
        add_note(request, AuditNote("user.role", user.name, {"role": role}, PROVIDER))
        return await self._accounts.user(user.name) or user
