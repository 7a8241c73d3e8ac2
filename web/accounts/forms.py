"""What people send about accounts: the same rules for the JSON API and for the forms."""

from typing import Annotated

from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
)

from storage.api.accounts import FULL_SCOPES, Role, Scope
from web.identity.names import UserName
from web.identity.passwords import LONGEST, SHORTEST


def _split(value: object) -> object:
    # As in OAuth: a form's field is one string, its scopes separated by spaces.
    return value.split() if isinstance(value, str) else value


Scopes = Annotated[frozenset[Scope], BeforeValidator(_split), Field(min_length=1)]
NewPassword = Annotated[str, StringConstraints(min_length=SHORTEST, max_length=LONGEST)]
GivenPassword = Annotated[str, StringConstraints(max_length=LONGEST)]
GivenCode = Annotated[str, StringConstraints(max_length=64)]


class LoginForm(BaseModel):
    """A name and a password, and where the user has one the second factor's code.

    Unlike in all else, unknown fields are ignored.

    Clients of other token endpoints send `grant_type` and more.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    username: Annotated[str, StringConstraints(max_length=200)]
    password: GivenPassword
    totp: GivenCode = ""


class RegisterForm(BaseModel):
    """An account that somebody makes; unknown fields are ignored, as in `LoginForm`.

    Clients of the replaced service name themselves by `username` or by `email`.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    username: UserName = Field(validation_alias=AliasChoices("username", "email"))
    password: NewPassword


class ServiceLoginForm(LoginForm):
    """A login at the replaced service's path: `email` is as good as `username`."""

    username: Annotated[str, StringConstraints(max_length=200)] = Field(
        validation_alias=AliasChoices("username", "email")
    )


class OwnPasswordForm(BaseModel):
    """One's password, before something that a session alone must not do."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    current_password: GivenPassword


class CodeForm(BaseModel):
    """A code of an authenticator app, or a recovery code."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: GivenCode


class RoleForm(BaseModel):
    """Another role for a user."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: Role


class RotationForm(BaseModel):
    """How signing keys are exchanged: with `at_once` every signed token ends."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at_once: bool = False


class PasswordForm(BaseModel):
    """A new password of one's own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    current_password: GivenPassword
    new_password: NewPassword


class ResetForm(BaseModel):
    """A new password for somebody else."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    password: NewPassword


class UserForm(BaseModel):
    """A user to add."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: UserName
    role: Role = Role.VIEWER
    password: NewPassword


class TokenForm(BaseModel):
    """A token to make, for a program."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    label: UserName
    lifetime_days: int = Field(default=365, ge=1, le=3650)
    scopes: Scopes = FULL_SCOPES
