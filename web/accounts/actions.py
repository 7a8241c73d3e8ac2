"""Changes to accounts, for the JSON API and the pages; each is noted for the audit log."""

from collections.abc import Sequence

from aiohttp import web

from model.clock import Clock
from storage.api.accounts import AccountRecords, Credential, CredentialKind, Role, Scope, User
from storage.api.errors import NotFoundError
from web.accounts.forms import PasswordForm, TokenForm, UserForm
from web.http.audit_trail import AuditNote, add_note, note
from web.http.errors import BadRequestError, ConflictError, UnauthorizedError
from web.identity.credentials import DAY_MS, Credentials, IssuedCredential
from web.identity.login import Logins
from web.identity.password_rules import weakness
from web.identity.passwords import Passwords
from web.identity.second_factor import SecondFactors


class AccountActions:
    """Changes users and their credentials."""

    def __init__(
        self,
        accounts: AccountRecords,
        clock: Clock,
        passwords: Passwords,
        second_factors: SecondFactors,
        logins: Logins,
        issuer: Credentials,
    ) -> None:
        self._accounts, self._clock = accounts, clock
        self._passwords, self._second_factors = passwords, second_factors
        self._logins, self._issuer = logins, issuer

    async def user(self, name: str) -> User:
        """Return a user.

        Raises:
            NotFoundError: no user has this name.
        """
        user = await self._accounts.user(name)
        if user is None:
            raise NotFoundError("user", name)
        return user

    async def add_user(self, request: web.Request, form: UserForm) -> User:
        """Add a user.

        Raises:
            TakenError: the name is taken.
        """
        password_hash = await self._passwords.hash(form.password)
        user = await self._accounts.add_user(form.name, form.role, password_hash, self._clock())
        note(request, "user.add", user.name, role=user.role)
        return user

    async def register(self, request: web.Request, form: UserForm) -> User:
        """Add a user who registers; the audit log names the new user as the actor.

        Raises:
            TakenError: the name is taken.
            TooManyRequestsError: too many registrations from this address.
        """
        self._logins.count_registration(request)
        password_hash = await self._passwords.hash(form.password)
        user = await self._accounts.add_user(form.name, form.role, password_hash, self._clock())
        add_note(request, AuditNote("user.register", user.name, {"role": user.role}, user.name))
        return user

    async def set_role(self, request: web.Request, name: str, role: Role) -> None:
        """Give a user another role.

        Raises:
            NotFoundError: no such user.
            LastAdminError: the user is the last admin.
        """
        await self._accounts.set_role(name, role)
        note(request, "user.role", name, role=role)

    async def remove_user(self, request: web.Request, name: str, actor: User) -> None:
        """Remove a user.

        Raises:
            NotFoundError: no such user.
            ConflictError: the user is the actor.
            LastAdminError: the user is the last admin.
        """
        if name == actor.name:
            raise ConflictError("you cannot remove yourself")
        await self._accounts.remove_user(name)
        note(request, "user.remove", name)

    async def reset_password(self, request: web.Request, name: str, password: str) -> None:
        """Give a user another password, which ends the user's sessions and tokens.

        Raises:
            BadRequestError: the password is mostly the user's name.
            NotFoundError: no such user.
        """
        self._refuse_name(name, password, "password")
        await self._accounts.set_password(name, await self._passwords.hash(password))
        note(request, "user.password", name)

    @staticmethod
    def _refuse_name(name: str, password: str, field: str) -> None:
        if reason := weakness(password, name):
            raise BadRequestError(f"{field}: {reason}", field)

    async def confirm_password(self, request: web.Request, user: User, password: str) -> None:
        """Check the user's password, because anybody may sit at an open session.

        Raises:
            BadRequestError: the password is wrong.
            TooManyRequestsError: too many wrong passwords.
        """
        try:
            await self._logins.check_password(request, user.name, password)
        except UnauthorizedError as exc:
            raise BadRequestError("the current password is wrong", "current_password") from exc

    async def change_own_password(
        self, request: web.Request, user: User, form: PasswordForm
    ) -> None:
        """Change the user's own password, which ends all sessions and tokens, this one too.

        Raises:
            BadRequestError, TooManyRequestsError: as for `confirm_password`.
        """
        await self.confirm_password(request, user, form.current_password)
        self._refuse_name(user.name, form.new_password, "new_password")
        await self.reset_password(request, user.name, form.new_password)

    async def issue_token(
        self, request: web.Request, user: User, form: TokenForm
    ) -> IssuedCredential:
        """Create a token for a program.

        Raises:
            BadRequestError: the only scope is push, and the user may not push.
        """
        if form.scopes == {Scope.PUSH} and user.role is Role.VIEWER:
            raise BadRequestError("scopes: a viewer may not push", "scopes")
        issued = await self._issuer.issue(
            user,
            CredentialKind.BEARER,
            form.label,
            form.lifetime_days * DAY_MS,
            form.scopes,
        )
        note(
            request,
            "token.add",
            user.name,
            label=form.label,
            scopes=" ".join(sorted(form.scopes)),
            lifetime_days=str(form.lifetime_days),
        )
        return issued

    async def credentials(self, user: User) -> Sequence[Credential]:
        """Return a user's sessions and tokens, newest first."""
        return await self._accounts.credentials(user.id, self._clock())

    async def revoke(self, request: web.Request, user: User, credential_id: int) -> None:
        """End one of a user's sessions or tokens.

        Raises:
            NotFoundError: the user has none with this id.
        """
        for credential in await self.credentials(user):
            if credential.id == credential_id:
                await self._accounts.revoke_credential(credential.secret_hash)
                note(request, "credential.revoke", user.name, label=credential.label)
                return
        raise NotFoundError("session or token", credential_id)

    async def revoke_all(
        self, request: web.Request, user: User, kept: Credential | None = None
    ) -> int:
        """End all of a user's sessions and tokens but `kept`; return how many."""
        ended = await self._accounts.revoke_credentials(user.id, kept.id if kept else None)
        note(request, "credential.revoke-all", user.name, ended=str(ended))
        return ended

    async def reset_second_factor(self, request: web.Request, name: str) -> None:
        """Turn a user's second factor off, for a user who lost the phone and the codes.

        Raises:
            NotFoundError: no such user, or the user has no second factor.
        """
        user = await self.user(name)
        if not await self._second_factors.turn_off(user):
            raise NotFoundError("second factor of user", name)
        note(request, "second-factor.off", name)
