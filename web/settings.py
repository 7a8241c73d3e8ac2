"""Section `web` of the configuration."""

from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    HttpUrl,
    PrivateAttr,
    StringConstraints,
    field_validator,
    model_validator,
)
from yarl import URL

from model.web_config.settings import WebConfig
from storage.api.accounts import Role
from web.oidc_settings import OidcSettings
from web.tls_settings import ServerTlsSettings

HeaderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,64}$")]


ANY_ORIGIN: Final = "*"


class CorsSettings(BaseModel):
    """The origins whose pages may use the API from a browser: none by default.

    HTML pages and static files are never opened to other origins.

    Attributes:
        origins: such as `https://app.example.com`, or `*` alone for all.
        credentials: whether a browser may send the session cookie along. Only named
            origins may have it; their pages can then do all that the user can.
        paths: prefixes of the paths that are open to the origins.
        max_age_s: how long a browser may cache the answer to a preflight request.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    origins: tuple[str, ...] = ()
    credentials: bool = False
    paths: tuple[str, ...] = ("/",)
    max_age_s: int = Field(default=600, ge=0, le=86_400)

    @field_validator("origins")
    @classmethod
    def _normalise_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(
            origin if origin == ANY_ORIGIN else normal_origin(origin) for origin in origins
        )

    @field_validator("paths")
    @classmethod
    def _check_paths(cls, paths: tuple[str, ...]) -> tuple[str, ...]:
        for path in paths:
            if not path.startswith("/"):
                raise ValueError(f'"{path}" must begin with /')
        return paths

    @model_validator(mode="after")
    def _check_any_origin(self) -> Self:
        if ANY_ORIGIN in self.origins and (self.credentials or len(self.origins) > 1):
            raise ValueError('"*" stands alone in origins, and without credentials')
        return self

    def opens(self, path: str) -> bool:
        """Report whether any other origin may use a path."""
        return bool(self.origins) and path.startswith(self.paths)

    def allows(self, origin: str) -> bool:
        """Report whether pages of an origin may use the open paths."""
        if not self.origins or origin == "null":
            return False
        if ANY_ORIGIN in self.origins:
            return True
        try:
            return normal_origin(origin) in self.origins
        except ValueError:
            return False

    def trusts(self, origin: str) -> bool:
        """Report whether pages of an origin may use the visitor's session."""
        return self.credentials and self.allows(origin)


def normal_origin(text: str) -> str:
    """Return an origin as browsers write it.

    Raises:
        ValueError: the text is no origin, which is a scheme and a host without a path.
    """
    url = URL(text)
    if url.scheme not in ("http", "https") or not url.host or text.rstrip("/") != text:
        raise ValueError(f'"{text}" is no origin such as https://app.example.com')
    origin = url.origin()
    if url != origin:
        raise ValueError(f'"{text}" is no origin such as https://app.example.com')
    return str(origin).lower()


class QuotaSettings(BaseModel):
    """Requests that one sender may make in a minute; 0 is no limit.

    Attributes:
        key_per_minute: for one session, token or host key.
        address_per_minute: for one IPv4 address or one IPv6 network of 64 bits.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    key_per_minute: int = Field(ge=0, le=10**9)
    address_per_minute: int = Field(ge=0, le=10**9)


class RateLimitSettings(BaseModel):
    """Quotas of one sender.

    The defaults are far above normal use: a hundred open pages and twenty people's
    Grafana stay below 200 requests a second, and behind a proxy that is missing in
    `trusted_proxies` they all share one address.

    Attributes:
        requests: for all routes but those of `push`.
        push: for routes that take samples; one key may push for a whole fleet.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    requests: QuotaSettings = QuotaSettings(key_per_minute=60_000, address_per_minute=120_000)
    push: QuotaSettings = QuotaSettings(key_per_minute=1_200_000, address_per_minute=1_200_000)


class ConnectionSettings(BaseModel):
    """Connections of clients.

    Attributes:
        total: open connections in all: the WebSockets of open pages (`live_streams`), and
            as many others as Prometheus accepts, 512. Fewer if the process may not open
            enough files: descriptors for scrapes and databases are kept free.
        per_address: open connections of one IPv4 address or IPv6 network of 64 bits. A
            proxy in `trusted_proxies` is limited by `total` only.
        header_timeout_s: how long a client may take to send a request's line and headers.
        idle_timeout_s: how long a connection may stay open between two requests.
        body_timeout_s: how long a client may take to send a body, longer by one second
            for each KiB that has arrived; five minutes at most.
        send_timeout_s: how long a client may accept no part of an answer.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    total: int = Field(default=1_536, ge=8)
    per_address: int = Field(default=256, ge=1)
    header_timeout_s: float = Field(default=10.0, gt=0)
    idle_timeout_s: float = Field(default=300.0, gt=0)
    body_timeout_s: float = Field(default=20.0, gt=0)
    send_timeout_s: float = Field(default=60.0, gt=0)


class WebSettings(BaseModel):
    """Section `web` of the configuration; every field has a default.

    Attributes:
        tls: HTTPS by the server itself; None for plain HTTP.
        config_file: a web configuration file in Prometheus's format, in place of `tls`.
        public_url: the URL that people type if a proxy stands in front; `https` makes
            cookies Secure. None takes scheme and host from each request.
        trusted_proxies: networks whose `X-Forwarded-For` header is trusted.
        trusted_header: the header in which these proxies name the logged-in user;
            None if they do not.
        trusted_role_header: the header in which they name the user's role.
        trusted_header_role: the role of a new user whose proxy names none.
        oidc: login at an OpenID Connect provider; None for none.
        local_login: whether users log in here with passwords.
        registration: whether anybody may create a viewer account by
            `POST /api/v1/auth/register`.
        session_lifetime_days: how long a login in a browser lasts.
        session_idle_days: how long a browser stays logged in without a request.
        token_lifetime_s: how long a token of `POST /auth/token` lasts.
        metrics_public: whether `/metrics` needs no login, as scrapers in a local
            network expect.
        anonymous_viewer: whether viewing needs no login.
        body_limit_bytes: the largest request body.
        query_timeout_s: the longest timeout that a query may request.
        enable_admin_api: whether admins may delete series and take snapshots by
            `/api/v1/admin/tsdb/`.
        remote_read_samples: the largest number of samples that a remote read may return.
        cors: which other origins' pages may use the API.
        rate_limits: quotas; a sender over its quota gets status 429 for a while.
        connections: how many connections there may be, and how slow.
        live_interval_s: how often an open page is updated.
        live_streams: the largest number of WebSocket connections; each open page has one.
        live_streams_per_address: the same for one address or IPv6 network of 64 bits.
        live_streams_per_key: the same for one session or token.
        live_series: the largest number of series that the queries of all WebSocket
            connections yield.
        live_series_per_stream: the same for one connection.
        live_write_timeout_s: how long a WebSocket client may accept no data.
        audit_entries: the number of entries that the audit log keeps; failed logins
            take at most a tenth.
        audit_retention_days: how long the audit log keeps an entry.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    tls: ServerTlsSettings | None = None
    config_file: Path | None = None
    public_url: HttpUrl | None = None
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    trusted_header: HeaderName | None = None
    trusted_role_header: HeaderName | None = None
    trusted_header_role: Role = Role.VIEWER
    oidc: OidcSettings | None = None
    local_login: bool = True
    registration: bool = False
    session_lifetime_days: int = Field(default=30, ge=1, le=3650)
    session_idle_days: int = Field(default=7, ge=1, le=3650)
    token_lifetime_s: int = Field(default=1800, ge=60)
    metrics_public: bool = True
    anonymous_viewer: bool = False
    body_limit_bytes: int = Field(default=2**20, ge=1024)
    query_timeout_s: float = Field(default=120.0, gt=0)
    enable_admin_api: bool = False
    remote_read_samples: int = Field(default=50_000_000, ge=1)
    cors: CorsSettings = Field(default_factory=CorsSettings)
    rate_limits: RateLimitSettings = Field(default_factory=RateLimitSettings)
    connections: ConnectionSettings = Field(default_factory=ConnectionSettings)
    live_interval_s: float = Field(default=5.0, ge=0.05)
    live_streams: int = Field(default=1_000, ge=0)
    live_streams_per_address: int = Field(default=100, ge=0)
    live_streams_per_key: int = Field(default=50, ge=0)
    live_series: int = Field(default=200_000, ge=0)
    live_series_per_stream: int = Field(default=20_000, ge=0)
    live_write_timeout_s: float = Field(default=10.0, gt=0)
    audit_entries: int = Field(default=100_000, ge=1)
    audit_retention_days: int = Field(default=365, ge=1)

    _serves_https: bool = PrivateAttr(default=False)

    @model_validator(mode="after")
    def _check_tls(self) -> Self:
        if self.tls is not None and self.config_file is not None:
            raise ValueError("tls and config_file cannot be combined: move tls into the file")
        return self

    @model_validator(mode="after")
    def _check_trusted_headers(self) -> Self:
        if self.trusted_header is not None and not self.trusted_proxies:
            raise ValueError("trusted_header: name the proxies that may send it in trusted_proxies")
        if self.trusted_role_header is not None and self.trusted_header is None:
            raise ValueError("trusted_role_header: needs trusted_header")
        return self

    @model_validator(mode="after")
    def _check_some_login(self) -> Self:
        if self.local_login:
            return self
        if self.oidc is None and self.trusted_header is None:
            raise ValueError("local_login: false leaves no login; set oidc or trusted_header")
        if self.registration:
            raise ValueError("registration: needs local_login")
        return self

    @property
    def secure(self) -> bool:
        """Whether browsers reach the server over https."""
        return self._serves_https or (
            self.public_url is not None and self.public_url.scheme == "https"
        )

    def behind(self, web_config: WebConfig) -> Self:
        """Return the settings of a server that this web configuration protects."""
        # Its users are meant for every request, as in Prometheus.
        update = {"metrics_public": False} if web_config.users else {}
        copy = self.model_copy(update=update)
        copy._serves_https = web_config.tls is not None  # noqa: SLF001 - of the same class
        return copy
