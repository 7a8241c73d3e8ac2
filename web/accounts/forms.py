"""Request bodies about accounts, for the JSON API and the HTML forms alike."""

from typing import Annotated

from pydantic import (
    AfterValidator,
    AliasChoices,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
)

from model.base_models import DeferredModel
from storage.api.accounts import FULL_SCOPES, Role, Scope
from web.identity.names import UserName
from web.identity.password_rules import weakness
from web.identity.passwords import LONGEST, SHORTEST


def _split(value: object) -> object:
    # As in OAuth, a form field holds several scopes separated by spaces.
    return value.split() if isinstance(value, str) else value


def _strong(password: str, *names: str) -> str:
    if reason := weakness(password, *names):
        raise ValueError(reason)
    return password


Scopes = Annotated[frozenset[Scope], BeforeValidator(_split), Field(min_length=1)]
NewPassword = Annotated[
    str, StringConstraints(min_length=SHORTEST, max_length=LONGEST), AfterValidator(_strong)
]
GivenPassword = Annotated[str, StringConstraints(max_length=LONGEST)]
GivenCode = Annotated[str, StringConstraints(max_length=64)]


class LoginForm(DeferredModel):
    """A name, a password, and the code of the second factor if the user has one.

    Unknown fields are ignored: clients of other token endpoints send `grant_type` and more.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    username: Annotated[str, StringConstraints(max_length=200)]
    password: GivenPassword
    totp: GivenCode = ""


class RegisterForm(DeferredModel):
    """An account to register; unknown fields are ignored, as in `LoginForm`.

    Clients of the replaced service send the name as `username` or as `email`.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    username: UserName = Field(validation_alias=AliasChoices("username", "email"))
    password: NewPassword


class ServiceLoginForm(LoginForm):
    """A login at the path of the replaced service, which also accepts `email` as the name."""

    username: Annotated[str, StringConstraints(max_length=200)] = Field(
        validation_alias=AliasChoices("username", "email")
    )


class OwnPasswordForm(DeferredModel):
    """The user's password, for actions that need more than a session."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    current_password: GivenPassword


class CodeForm(DeferredModel):
    """A code of an authenticator app, or a recovery code."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: GivenCode


class RoleForm(DeferredModel):
    """Another role for a user."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: Role


class SigningKeyRotationForm(DeferredModel):
    """A rotation of the signing key; `at_once` ends every token signed before."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at_once: bool = False


class PasswordForm(DeferredModel):
    """A new password for the user's own account."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    current_password: GivenPassword
    new_password: NewPassword


class ResetForm(DeferredModel):
    """A new password for another user."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    password: NewPassword


class UserForm(DeferredModel):
    """A user to add."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: UserName
    role: Role = Role.VIEWER
    password: NewPassword

    @field_validator("password")
    @classmethod
    def _is_not_the_name(cls, password: str, info: ValidationInfo) -> str:
        return _strong(password, info.data.get("name", ""))


class TokenForm(DeferredModel):
    """A token to create for a program."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    label: UserName
    lifetime_days: int = Field(default=365, ge=1, le=3650)
    scopes: Scopes = FULL_SCOPES
