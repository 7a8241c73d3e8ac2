"""`http_config` and `tls_config`: how receivers are reached.

Source: Alertmanager documentation, "Configuration", http_config.
"""

from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from alerting.routing.files.values import FileSection, SecretText
from model.quantities import TextMap, YamlBool

_TLS_VERSIONS = ("", "TLS10", "TLS11", "TLS12", "TLS13")
_RESERVED_HEADERS = frozenset(
    {
        "authorization",
        "host",
        "content-encoding",
        "content-length",
        "content-type",
        "user-agent",
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "www-authenticate",
        "accept-encoding",
        "x-prometheus-remote-write-version",
        "x-prometheus-remote-read-version",
        "x-prometheus-scrape-timeout-seconds",
        "x-amz-date",
        "x-amz-security-token",
        "x-amz-content-sha256",
    }
)


def _tls_version(version: str) -> str:
    if version not in _TLS_VERSIONS:
        raise ValueError(f'"{version}" is not a TLS version such as TLS12')
    return version


TlsVersionName = Annotated[str, AfterValidator(_tls_version)]


class TlsSection(FileSection):
    """`tls_config`."""

    ca: str = ""
    ca_file: str = ""
    ca_ref: str = ""
    cert: str = ""
    cert_file: str = ""
    cert_ref: str = ""
    key: SecretText = ""
    key_file: str = ""
    key_ref: str = ""
    server_name: str = ""
    insecure_skip_verify: YamlBool = False
    min_version: TlsVersionName = ""
    max_version: TlsVersionName = ""

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name in ("ca", "cert", "key"):
            self.refuse_both(name, f"{name}_file", f"{name}_ref")
        has_cert = bool(self.cert or self.cert_file or self.cert_ref)
        if has_cert != bool(self.key or self.key_file or self.key_ref):
            raise ValueError("a client certificate needs both cert and key")
        return self


class BasicAuthSection(FileSection):
    """`basic_auth`."""

    username: str = ""
    username_file: str = ""
    username_ref: str = ""
    password: SecretText = ""
    password_file: str = ""
    password_ref: str = ""

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name in ("username", "password"):
            self.refuse_both(name, f"{name}_file", f"{name}_ref")
        return self


class AuthorizationSection(FileSection):
    """`authorization`."""

    type: str = ""
    credentials: SecretText = ""
    credentials_file: str = ""
    credentials_ref: str = ""

    @model_validator(mode="after")
    def _check(self) -> Self:
        self.refuse_both("credentials", "credentials_file", "credentials_ref")
        if self.type.strip().lower() == "basic":
            raise ValueError("type cannot be Basic: use basic_auth")
        return self


class ProxyKeys(FileSection):
    """The keys that name a proxy."""

    proxy_url: str = ""
    no_proxy: str = ""
    proxy_from_environment: YamlBool = False
    proxy_connect_header: dict[str, tuple[str, ...]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check_proxy(self) -> Self:
        if self.proxy_from_environment and self.proxy_url:
            raise ValueError("proxy_from_environment excludes proxy_url")
        if self.proxy_from_environment and self.no_proxy:
            raise ValueError("proxy_from_environment excludes no_proxy")
        if self.no_proxy and not self.proxy_url:
            raise ValueError("no_proxy needs proxy_url")
        if self.proxy_connect_header and not (self.proxy_url or self.proxy_from_environment):
            raise ValueError("proxy_connect_header needs proxy_url or proxy_from_environment")
        return self


class OAuth2Section(ProxyKeys):
    """`oauth2`."""

    client_id: str = ""
    client_secret: SecretText = ""
    client_secret_file: str = ""
    client_secret_ref: str = ""
    client_certificate_key_id: str = ""
    client_certificate_key: SecretText = ""
    client_certificate_key_file: str = ""
    client_certificate_key_ref: str = ""
    scopes: tuple[str, ...] = ()
    token_url: str = ""
    endpoint_params: TextMap = Field(default_factory=dict)
    grant_type: str = ""
    signature_algorithm: str = ""
    iss: str = ""
    audience: str = ""
    claims: dict[str, Any] = Field(default_factory=dict)
    tls_config: TlsSection | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.client_id:
            raise ValueError("oauth2 needs client_id")
        if not self.token_url:
            raise ValueError("oauth2 needs token_url")
        self.refuse_both("client_secret", "client_secret_file", "client_secret_ref")
        return self


class HeaderSection(FileSection):
    """One entry of `http_headers`."""

    values: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


def _headers(headers: dict[str, HeaderSection]) -> dict[str, HeaderSection]:
    for name in headers:
        if name.lower() in _RESERVED_HEADERS:
            raise ValueError(f'the header "{name}" cannot be set')
    return headers


class HttpSection(ProxyKeys):
    """`http_config`."""

    basic_auth: BasicAuthSection | None = None
    authorization: AuthorizationSection | None = None
    oauth2: OAuth2Section | None = None
    bearer_token: SecretText = ""
    bearer_token_file: str = ""
    tls_config: TlsSection | None = None
    follow_redirects: YamlBool = True
    enable_http2: YamlBool = True
    http_headers: Annotated[dict[str, HeaderSection], AfterValidator(_headers)] = Field(
        default_factory=dict
    )

    @model_validator(mode="after")
    def _check_access(self) -> Self:
        self.refuse_both("bearer_token", "bearer_token_file")
        bearer = bool(self.bearer_token or self.bearer_token_file)
        given = [name for name in ("basic_auth", "authorization", "oauth2") if getattr(self, name)]
        if len(given) + bearer > 1:
            raise ValueError(
                "give at most one of basic_auth, authorization, oauth2 and bearer_token"
            )
        if self.proxy_url and not urlsplit(self.proxy_url).path and "//" not in self.proxy_url:
            raise ValueError("proxy_url is not a URL")
        return self
