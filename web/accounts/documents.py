"""The shape of the JSON documents about other people's accounts, second factors and the log."""

# pydantic describes the standard library's TypedDict from Python 3.12 on only.
from typing_extensions import TypedDict

from storage.api.accounts import CredentialKind, Role, Scope
from storage.api.audit import AuditEntry
from storage.api.second_factors import SecondFactor
from web.identity.second_factor import Enrolment


class UserCredentialDocument(TypedDict):
    """A session or token of a user."""

    id: int
    kind: CredentialKind
    label: str
    created_ms: int
    expires_ms: int
    last_used_ms: int
    scopes: list[Scope]
    current: bool


class UserCredentialsDocument(TypedDict):
    """A user's sessions and tokens."""

    credentials: list[UserCredentialDocument]


class UserTokenDocument(UserCredentialDocument):
    """A new token, told this once."""

    access_token: str


class EndedDocument(TypedDict):
    """How many sessions and tokens ended."""

    ended: int


class SecondFactorDocument(TypedDict):
    """Whether the second factor is on, and how many recovery codes are left."""

    enabled: bool
    recovery_codes_left: int


class EnrolmentDocument(TypedDict):
    """What an authenticator app needs: the secret, and a URI for its QR code."""

    secret: str
    uri: str


class RecoveryCodesDocument(TypedDict):
    """The recovery codes, told this once."""

    recovery_codes: list[str]


class AccountDocument(TypedDict):
    """A new account."""

    id: int
    username: str
    role: Role
    created_ms: int


class SignedTokenDocument(TypedDict):
    """A JSON Web Token."""

    access_token: str
    token_type: str
    expires_in: int


class AuditEntryDocument(TypedDict):
    """What somebody did."""

    id: int
    time_ms: int
    actor: str
    address: str
    action: str
    subject: str
    details: dict[str, str]


class AuditDocument(TypedDict):
    """A page of the audit log, newest first."""

    entries: list[AuditEntryDocument]


def second_factor_document(factor: SecondFactor | None) -> SecondFactorDocument:
    """Return how a user's second factor stands."""
    return {
        "enabled": factor is not None,
        "recovery_codes_left": factor.recovery_codes if factor else 0,
    }


def enrolment_document(enrolment: Enrolment) -> EnrolmentDocument:
    """Return what an authenticator app needs."""
    return {"secret": enrolment.secret, "uri": enrolment.uri}


def audit_entry_document(entry: AuditEntry) -> AuditEntryDocument:
    """Return an entry of the log."""
    return {
        "id": entry.id,
        "time_ms": entry.time_ms,
        "actor": entry.actor,
        "address": entry.address,
        "action": entry.action,
        "subject": entry.subject,
        "details": dict(entry.details),
    }
