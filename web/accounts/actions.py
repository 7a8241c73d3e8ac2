"""What people do to accounts, by the JSON API or by the pages."""

from aiohttp import web

from storage.api.accounts import AccountRecords, CredentialKind, Role, Scope, User
from storage.api.errors import NotFoundError
from web.account_forms import PasswordForm, TokenForm, UserForm
from web.accounts.authentication import DAY_MS, Authenticator, IssuedCredential
from web.accounts.passwords import Passwords
from web.errors import BadRequestError, ConflictError, UnauthorizedError
from web.services import Services


class AccountActions:
    """Changes users and their credentials."""

    def __init__(
        self, services: Services, passwords: Passwords, authenticator: Authenticator
    ) -> None:
        self._accounts: AccountRecords = services.accounts
        self._clock = services.clock
        self._passwords, self._authenticator = passwords, authenticator

    async def add_user(self, form: UserForm) -> User:
        """Add a user.

        Raises:
            TakenError: the name is taken.
        """
        password_hash = await self._passwords.hash(form.password)
        return await self._accounts.add_user(form.name, form.role, password_hash, self._clock())

    async def remove_user(self, name: str, actor: User) -> None:
        """Remove a user.

        Raises:
            NotFoundError: no such user.
            ConflictError: nobody could manage the server afterwards.
        """
        users = {user.name: user for user in await self._accounts.users()}
        if name not in users:
            raise NotFoundError("user", name)
        if name == actor.name:
            raise ConflictError("you cannot remove yourself")
        admins = [user for user in users.values() if user.role is Role.ADMIN]
        if admins == [users[name]]:
            raise ConflictError(f"{name} is the last admin")
        await self._accounts.remove_user(name)

    async def reset_password(self, name: str, password: str) -> None:
        """Give a user another password; it ends the user's sessions and tokens.

        Raises:
            NotFoundError: no such user.
        """
        await self._accounts.set_password(name, await self._passwords.hash(password))

    async def change_own_password(
        self, request: web.Request, user: User, form: PasswordForm
    ) -> None:
        """Change one's password; it ends every session and token, this one too.

        Raises:
            BadRequestError: the current password is wrong.
            TooManyRequestsError: it was wrong too often; a session is no way to guess it.
        """
        try:
            await self._authenticator.check_password(request, user.name, form.current_password)
        except UnauthorizedError as exc:
            raise BadRequestError("the current password is wrong", "current_password") from exc
        await self.reset_password(user.name, form.new_password)

    async def issue_token(self, user: User, form: TokenForm) -> IssuedCredential:
        """Make a token for a program.

        Raises:
            BadRequestError: its only purpose is what the user may not do.
        """
        if form.scopes == {Scope.PUSH} and user.role is Role.VIEWER:
            raise BadRequestError("scopes: a viewer may not push", "scopes")
        return await self._authenticator.issue(
            user,
            CredentialKind.BEARER,
            form.label,
            form.lifetime_days * DAY_MS,
            form.scopes,
        )

    async def revoke(self, user: User, credential_id: int) -> None:
        """End one of the user's own sessions or tokens.

        Raises:
            NotFoundError: the user has none with this id.
        """
        for credential in await self._accounts.credentials(user.id, self._clock()):
            if credential.id == credential_id:
                await self._accounts.revoke_credential(credential.secret_hash)
                return
        raise NotFoundError("session or token", credential_id)
