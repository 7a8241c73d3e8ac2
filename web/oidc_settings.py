"""Section `web.oidc` of the configuration: login at an OpenID Connect provider."""

from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    field_validator,
    model_validator,
)
from yarl import URL

from storage.api.accounts import Role

ClaimName = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Domain = Annotated[
    str, StringConstraints(to_lower=True, pattern=r"^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$")
]


class OidcSettings(BaseModel):
    """A provider, and what its users may do here.

    Attributes:
        issuer: the provider's URL, exactly as in its discovery document.
        client_id: this server's name at the provider.
        client_secret: None for a public client, which PKCE alone protects.
        client_secret_file: a file with the secret, in place of `client_secret`.
        title: the words on the login page's button after "Log in with".
        scopes: what the provider is asked for.
        name_claim: the claim with the user's name here.
        groups_claim: the claim with the user's groups.
        roles: the role of each group's members; the highest counts.
        default_role: the role of a user in none of these groups; None refuses the login.
        domains: the domains of the verified mail addresses that may log in; none for all.
        link_existing: whether a user of the same name who exists here becomes the
            provider's user; only for a provider whose names nobody can choose.
        timeout_s: how long the provider may take for an answer.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    issuer: str
    client_id: Annotated[str, StringConstraints(min_length=1)]
    client_secret: SecretStr | None = None
    client_secret_file: Path | None = None
    title: Annotated[str, StringConstraints(min_length=1, max_length=60)] = "single sign-on"
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    name_claim: ClaimName = "preferred_username"
    groups_claim: ClaimName = "groups"
    roles: Mapping[str, Role] = Field(default_factory=dict)
    default_role: Role | None = Role.VIEWER
    domains: tuple[Domain, ...] = ()
    link_existing: bool = False
    timeout_s: float = Field(default=10.0, gt=0, le=60)

    @field_validator("issuer")
    @classmethod
    def _is_safe(cls, issuer: str) -> str:
        if not is_safe_url(issuer) or URL(issuer).query_string or URL(issuer).fragment:
            raise ValueError("must be an https URL; http is for this machine only")
        return issuer

    @field_validator("scopes")
    @classmethod
    def _asks_for_identity(cls, scopes: tuple[str, ...]) -> tuple[str, ...]:
        if "openid" not in scopes:
            raise ValueError('must have "openid", which asks for who the user is')
        return scopes

    @model_validator(mode="after")
    def _has_one_secret(self) -> Self:
        if self.client_secret is not None and self.client_secret_file is not None:
            raise ValueError("give client_secret or client_secret_file, not both")
        return self

    def secret(self) -> str | None:
        """Return the client's secret, None for a public client; may block.

        Raises:
            OSError: the file cannot be read.
            ValueError: it is not text in UTF-8.
        """
        if self.client_secret_file is not None:
            return self.client_secret_file.read_text("utf-8").strip()
        return None if self.client_secret is None else self.client_secret.get_secret_value()


def is_safe_url(text: str) -> bool:
    """Report whether secrets may be sent to a URL: https, or http on this machine."""
    try:
        url = URL(text)
    except ValueError:
        return False
    if not url.host or url.user is not None:
        return False
    if url.scheme == "https":
        return True
    if url.host == "localhost":
        return url.scheme == "http"
    try:
        return url.scheme == "http" and ip_address(url.host).is_loopback
    except ValueError:
        return False
