"""JSON documents of users, their sessions and tokens, and second factors."""

from typing import Literal

# pydantic describes the standard library's TypedDict from Python 3.12 on only.
from typing_extensions import TypedDict

from storage.api.accounts import Credential, CredentialKind, Role, Scope, User
from storage.api.people.second_factors import SecondFactor
from web.http.routing import Principal
from web.identity.access_tokens import AccessToken
from web.identity.second_factor import Enrolment


class AccessTokenDocument(TypedDict):
    """A bearer token, valid for `expires_in` seconds."""

    access_token: str
    token_type: Literal["bearer"]
    expires_in: int


class UserDocument(TypedDict):
    """A user."""

    id: int
    name: str
    role: Role
    created_ms: int


class UsersDocument(TypedDict):
    """Users."""

    users: list[UserDocument]


class AccountDocument(TypedDict):
    """A newly registered account."""

    id: int
    username: str
    role: Role
    created_ms: int


class CredentialDocument(TypedDict):
    """A session or token; `current` marks the one that the request carries."""

    id: int
    kind: CredentialKind
    label: str
    created_ms: int
    expires_ms: int
    last_used_ms: int
    scopes: list[Scope]
    current: bool


class CredentialsDocument(TypedDict):
    """Sessions and tokens."""

    credentials: list[CredentialDocument]


class NewTokenDocument(CredentialDocument):
    """A new token with its secret, which is returned only once."""

    access_token: str


class EndedDocument(TypedDict):
    """How many sessions and tokens ended."""

    ended: int


class SessionUserDocument(TypedDict):
    """The user who is logged in."""

    name: str
    role: Role


class SessionDocument(TypedDict):
    """The sender of the request; without a user, the anonymous viewer."""

    user: SessionUserDocument | None
    role: Role
    credential: CredentialKind | None
    expires_ms: int | None
    scopes: list[Scope]


class SecondFactorDocument(TypedDict):
    """The state of a second factor, and how many recovery codes are left."""

    enabled: bool
    recovery_codes_left: int


class EnrolmentDocument(TypedDict):
    """The secret for an authenticator app, and the URI in its QR code."""

    secret: str
    uri: str


class RecoveryCodesDocument(TypedDict):
    """The recovery codes, which are returned only once."""

    recovery_codes: list[str]


def access_token_document(issued: AccessToken) -> AccessTokenDocument:
    """Return a JSON Web Token in the format of OAuth token endpoints."""
    return {
        "access_token": issued.token,
        "token_type": "bearer",
        "expires_in": issued.lifetime_s,
    }


def user_document(user: User) -> UserDocument:
    """Return a user without the password hash."""
    return {"id": user.id, "name": user.name, "role": user.role, "created_ms": user.created_ms}


def credential_document(credential: Credential, current_id: int | None) -> CredentialDocument:
    """Return a session or token without its hash."""
    return {
        "id": credential.id,
        "kind": credential.kind,
        "label": credential.label,
        "created_ms": credential.created_ms,
        "expires_ms": credential.expires_ms,
        "last_used_ms": credential.last_used_ms,
        "scopes": sorted(credential.scopes),
        "current": credential.id == current_id,
    }


def principal_document(principal: Principal) -> SessionDocument:
    """Return the sender of a request."""
    credential = principal.credential
    return {
        "user": {"name": principal.name, "role": principal.role} if principal.user else None,
        "role": principal.role,
        "credential": credential.kind if credential else None,
        "expires_ms": credential.expires_ms if credential else None,
        "scopes": sorted(principal.scopes),
    }


def second_factor_document(factor: SecondFactor | None) -> SecondFactorDocument:
    """Return the state of a user's second factor."""
    return {
        "enabled": factor is not None,
        "recovery_codes_left": factor.recovery_codes if factor else 0,
    }


def enrolment_document(enrolment: Enrolment) -> EnrolmentDocument:
    """Return the secret and URI of a second factor being set up."""
    return {"secret": enrolment.secret, "uri": enrolment.uri}
