"""The configuration of the web application."""

from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, HttpUrl, StringConstraints, model_validator

from storage.api.accounts import Role
from web.http.cors import CorsSettings

HeaderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,64}$")]


class QuotaSettings(BaseModel):
    """Requests a minute; 0 is no limit.

    Attributes:
        key_per_minute: of one session, token or host key.
        address_per_minute: of one IPv4 address or IPv6 network of 64 bits.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    key_per_minute: int = Field(ge=0, le=10**9)
    address_per_minute: int = Field(ge=0, le=10**9)


class RateLimitSettings(BaseModel):
    """How much one sender may ask for.

    The defaults are far above what people, dashboards and fleets do: a hundred open
    pages and twenty people's Grafana stay below 200 requests a second, and behind a
    proxy that is not named in `trusted_proxies` they all have one address.

    Attributes:
        requests: of all but the following.
        push: where samples are handed in: one key may push for a whole fleet.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    requests: QuotaSettings = QuotaSettings(key_per_minute=60_000, address_per_minute=120_000)
    push: QuotaSettings = QuotaSettings(key_per_minute=1_200_000, address_per_minute=1_200_000)


class WebSettings(BaseModel):
    """Section `web` of the configuration; every field has a default.

    Attributes:
        public_url: the URL people type, where a proxy stands in front; `https` makes
            cookies Secure. None takes scheme and host from each request.
        trusted_proxies: networks whose `X-Forwarded-For` is believed.
        trusted_header: a header by which those proxies name the user who is logged in
            there; None where they do not.
        trusted_role_header: a header by which they name the user's role.
        trusted_header_role: of users that a proxy names for the first time without one.
        registration: whether anybody may make an account, as a viewer, by
            `POST /api/v1/auth/register`.
        session_lifetime_days: a login in a browser lasts this long.
        token_lifetime_s: a token of `POST /auth/token` lasts this long.
        metrics_public: whether `/metrics` answers without a login, as the scrapers
            of a local network expect.
        anonymous_viewer: whether everybody may look without a login.
        body_limit_bytes: larger request bodies are refused.
        query_timeout_s: the longest time-out a query may ask for.
        cors: which other sites' pages may use the API; none.
        rate_limits: beyond these a sender is refused (429) for a while.
        live_interval_s: how often an open page is brought up to date.
        live_streams: most WebSocket connections at once; each open page has one.
        live_write_timeout_s: how long a WebSocket client may accept no data.
        audit_entries: the audit log keeps so many; of failed logins a tenth of it.
        audit_retention_days: older entries of the audit log are dropped.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    public_url: HttpUrl | None = None
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    trusted_header: HeaderName | None = None
    trusted_role_header: HeaderName | None = None
    trusted_header_role: Role = Role.VIEWER
    registration: bool = False
    session_lifetime_days: int = Field(default=30, ge=1, le=3650)
    token_lifetime_s: int = Field(default=1800, ge=60)
    metrics_public: bool = True
    anonymous_viewer: bool = False
    body_limit_bytes: int = Field(default=2**20, ge=1024)
    query_timeout_s: float = Field(default=120.0, gt=0)
    cors: CorsSettings = Field(default_factory=CorsSettings)
    rate_limits: RateLimitSettings = Field(default_factory=RateLimitSettings)
    live_interval_s: float = Field(default=5.0, ge=0.05)
    live_streams: int = Field(default=200, ge=0)
    live_write_timeout_s: float = Field(default=10.0, gt=0)
    audit_entries: int = Field(default=100_000, ge=1)
    audit_retention_days: int = Field(default=365, ge=1)

    @model_validator(mode="after")
    def _header_needs_proxies(self) -> Self:
        if self.trusted_header is not None and not self.trusted_proxies:
            raise ValueError("trusted_header: name the proxies that may send it in trusted_proxies")
        if self.trusted_role_header is not None and self.trusted_header is None:
            raise ValueError("trusted_role_header: needs trusted_header")
        return self

    @property
    def secure(self) -> bool:
        """Whether people reach the server over https."""
        return self.public_url is not None and self.public_url.scheme == "https"
