"""HTTP client settings: credentials, TLS, headers and proxy (Prometheus's http_config).

Source: Prometheus documentation, "Configuration", http_config and tls_config.
"""

import ssl
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, field_validator, model_validator

from scraper.configuration.sections import Section
from scraper.fetching.http_access import Authorization, BasicAuth, HttpAccess
from scraper.fetching.oauth2 import OAuth2Access
from scraper.fetching.proxies import ProxyAccess
from scraper.fetching.secrets import Secret
from scraper.fetching.tls import TlsAccess

TlsVersion = Literal["TLS10", "TLS11", "TLS12", "TLS13"]

_TLS_VERSIONS: dict[str, ssl.TLSVersion] = {
    "TLS10": ssl.TLSVersion.TLSv1,
    "TLS11": ssl.TLSVersion.TLSv1_1,
    "TLS12": ssl.TLSVersion.TLSv1_2,
    "TLS13": ssl.TLSVersion.TLSv1_3,
}
_RESERVED_HEADERS = frozenset(
    {
        "accept",
        "accept-encoding",
        "authorization",
        "content-length",
        "host",
        "user-agent",
        "x-prometheus-scrape-timeout-seconds",
    }
)
HiddenText = Annotated[str, Field(repr=False)]


def _secret(text: str, file: Path | None, directory: Path) -> Secret:
    return Secret(text, directory / file if file is not None else None)


def _refuse_both(section: BaseModel, *names: str) -> None:
    for name in names:
        if getattr(section, name) and getattr(section, f"{name}_file") is not None:
            raise ValueError(f"at most one of {name} and {name}_file may be given")


class BasicAuthSettings(Section):
    """Credentials of HTTP Basic authentication."""

    username: str = ""
    username_file: Path | None = None
    password: HiddenText = ""
    password_file: Path | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        _refuse_both(self, "username", "password")
        return self


class AuthorizationSettings(Section):
    """Credentials of another type, for example a bearer token."""

    type: str = "Bearer"
    credentials: HiddenText = ""
    credentials_file: Path | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        _refuse_both(self, "credentials")
        if self.type.strip().lower() == "basic":
            raise ValueError("type cannot be Basic: use basic_auth")
        return self


class TlsSettings(Section):
    """TLS options."""

    ca: str = ""
    ca_file: Path | None = None
    cert: str = ""
    cert_file: Path | None = None
    key: HiddenText = ""
    key_file: Path | None = None
    server_name: str = ""
    insecure_skip_verify: bool = False
    min_version: TlsVersion | None = None
    max_version: TlsVersion | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        _refuse_both(self, "ca", "cert", "key")
        if bool(self.cert or self.cert_file) != bool(self.key or self.key_file):
            raise ValueError("a client certificate needs both cert and key")
        return self

    def access(self, directory: Path) -> TlsAccess:
        """Return the TLS options; file names are relative to `directory`."""
        return TlsAccess(
            _secret(self.ca, self.ca_file, directory),
            _secret(self.cert, self.cert_file, directory),
            _secret(self.key, self.key_file, directory),
            self.server_name,
            self.insecure_skip_verify,
            _TLS_VERSIONS.get(self.min_version or ""),
            _TLS_VERSIONS.get(self.max_version or ""),
        )


class HeaderSettings(Section):
    """The values of one additional header."""

    values: tuple[str, ...] = ()
    secrets: Annotated[tuple[str, ...], Field(repr=False)] = ()
    files: tuple[Path, ...] = ()


class ProxySettings(Section):
    """The proxy that requests go through."""

    proxy_url: str | None = None
    no_proxy: str = ""
    proxy_from_environment: bool = False
    proxy_connect_header: Annotated[dict[str, tuple[str, ...]], Field(repr=False)] = Field(
        default_factory=dict
    )

    @field_validator("proxy_url")
    @classmethod
    def _check_scheme(cls, value: str | None) -> str | None:
        if value and urlsplit(value).scheme not in ("http", "https"):
            raise ValueError("only HTTP proxies are supported")
        return value

    @model_validator(mode="after")
    def _check_proxy(self) -> Self:
        if self.proxy_from_environment and (self.proxy_url or self.no_proxy):
            raise ValueError("proxy_from_environment excludes proxy_url and no_proxy")
        if self.no_proxy and not self.proxy_url:
            raise ValueError("no_proxy needs proxy_url")
        if self.proxy_connect_header and not (self.proxy_url or self.proxy_from_environment):
            raise ValueError("proxy_connect_header needs proxy_url or proxy_from_environment")
        return self

    def proxy(self) -> ProxyAccess:
        """Return the options of proxies."""
        return ProxyAccess(
            self.proxy_url or "",
            self.no_proxy,
            self.proxy_from_environment,
            tuple(
                (name, Secret(value))
                for name, values in self.proxy_connect_header.items()
                for value in values
            ),
        )


class OAuth2Settings(ProxySettings):
    """Credentials of an OAuth 2.0 client."""

    client_id: str = ""
    client_secret: HiddenText = ""
    client_secret_file: Path | None = None
    scopes: tuple[str, ...] = ()
    token_url: str = ""
    endpoint_params: dict[str, str] = Field(default_factory=dict)
    tls_config: TlsSettings | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        _refuse_both(self, "client_secret")
        if not self.client_id:
            raise ValueError("oauth2 needs client_id")
        if not self.token_url:
            raise ValueError("oauth2 needs token_url")
        return self

    def access(self, directory: Path) -> OAuth2Access:
        """Return the client's credentials; file names are relative to `directory`."""
        return OAuth2Access(
            self.client_id,
            _secret(self.client_secret, self.client_secret_file, directory),
            self.token_url,
            self.scopes,
            tuple(self.endpoint_params.items()),
            self.tls_config.access(directory) if self.tls_config is not None else None,
            self.proxy(),
        )


class HttpSettings(ProxySettings):
    """Options of HTTP requests."""

    basic_auth: BasicAuthSettings | None = None
    authorization: AuthorizationSettings | None = None
    oauth2: OAuth2Settings | None = None
    # The older form of `authorization`.
    bearer_token: HiddenText = ""
    bearer_token_file: Path | None = None
    follow_redirects: bool = True
    # Accepted without effect: requests use HTTP/1.1.
    enable_http2: bool = True
    tls_config: TlsSettings | None = None
    http_headers: dict[str, HeaderSettings] = Field(default_factory=dict)

    @field_validator("http_headers")
    @classmethod
    def _check_headers(cls, headers: dict[str, HeaderSettings]) -> dict[str, HeaderSettings]:
        for name in headers:
            if name.lower() in _RESERVED_HEADERS:
                raise ValueError(f"header {name} is set by Redshank itself")
        return headers

    @model_validator(mode="after")
    def _check_auth(self) -> Self:
        _refuse_both(self, "bearer_token")
        bearer = self.bearer_token or self.bearer_token_file
        kinds = (self.basic_auth, self.authorization, self.oauth2, bearer)
        if sum(kind is not None and kind != "" for kind in kinds) > 1:
            raise ValueError(
                "at most one of basic_auth, authorization, oauth2 and bearer_token may be given"
            )
        return self

    def access(self, directory: Path, *, compression: bool = True) -> HttpAccess:
        """Return the request options; file names are relative to `directory`."""
        headers = [
            (name, _secret(text, file, directory))
            for name, header in self.http_headers.items()
            for text, file in [
                *((text, None) for text in (*header.values, *header.secrets)),
                *(("", file) for file in header.files),
            ]
        ]
        return HttpAccess(
            self._auth(directory),
            tuple(headers),
            self.tls_config.access(directory) if self.tls_config is not None else None,
            self.proxy(),
            self.follow_redirects,
            compression,
        )

    def has_default_access(self) -> bool:
        """Return whether no option of requests differs from its default."""
        return all(
            getattr(self, name) == field.get_default(call_default_factory=True)
            for name, field in HttpSettings.model_fields.items()
        )

    def _auth(self, directory: Path) -> BasicAuth | Authorization | OAuth2Access | None:
        if self.oauth2 is not None:
            return self.oauth2.access(directory)
        if basic := self.basic_auth:
            return BasicAuth(
                _secret(basic.username, basic.username_file, directory),
                _secret(basic.password, basic.password_file, directory),
            )
        if other := self.authorization:
            credentials = _secret(other.credentials, other.credentials_file, directory)
            return Authorization(other.type.strip() or "Bearer", credentials)
        if self.bearer_token or self.bearer_token_file is not None:
            token = _secret(self.bearer_token, self.bearer_token_file, directory)
            return Authorization("Bearer", token)
        return None
