"""Access to an HTTP server: credentials, headers, TLS, proxies and address policy."""

import base64
from dataclasses import dataclass, field

from scraper.fetching.address_policy import AddressPolicy
from scraper.fetching.oauth2 import OAuth2Access
from scraper.fetching.proxies import ProxyAccess
from scraper.fetching.secrets import Secret
from scraper.fetching.tls import TlsAccess


@dataclass(frozen=True, slots=True)
class BasicAuth:
    """Credentials of HTTP Basic authentication."""

    username: Secret
    password: Secret

    def header(self) -> str:
        """Return the Authorization header; blocks if a secret is in a file."""
        pair = f"{self.username.read()}:{self.password.read()}"
        return "Basic " + base64.b64encode(pair.encode()).decode()


@dataclass(frozen=True, slots=True)
class Authorization:
    """Credentials of another type, for example Bearer."""

    type: str
    credentials: Secret

    def header(self) -> str:
        """Return the Authorization header; blocks if the secret is in a file."""
        return f"{self.type} {self.credentials.read()}"


@dataclass(frozen=True, slots=True)
class HttpAccess:
    """The options of a request besides its URL.

    Attributes:
        auth: the credentials of the Authorization header; those of OAuth 2.0 are a token
            that `HttpSession` gets.
        headers: further headers.
        tls: None for the library's defaults.
        proxy: which proxy the request goes through.
        follow_redirects: whether to follow redirects.
        compression: whether to accept compressed responses.
        address_policy: restricts the addresses of connections, None for no restriction.
        unix_socket: path of the Unix socket to connect to, None for the URL's host.
    """

    auth: BasicAuth | Authorization | OAuth2Access | None = None
    headers: tuple[tuple[str, Secret], ...] = ()
    tls: TlsAccess | None = None
    proxy: ProxyAccess = field(default_factory=ProxyAccess)
    follow_redirects: bool = True
    compression: bool = True
    address_policy: AddressPolicy | None = None
    unix_socket: str | None = None

    @property
    def reads_files(self) -> bool:
        """Whether a header needs a file, so that `request_headers` blocks."""
        secrets = [secret for _, secret in self.headers]
        match self.auth:
            case BasicAuth(username, password):
                secrets += [username, password]
            case Authorization(_, credentials):
                secrets.append(credentials)
        return any(secret.file is not None for secret in secrets)

    def request_headers(self) -> list[tuple[str, str]]:
        """Return the names and values of the request headers; blocks if `reads_files`.

        Raises:
            FetchError: a file cannot be read.
        """
        headers = [(name, secret.read()) for name, secret in self.headers]
        if self.auth is not None and not isinstance(self.auth, OAuth2Access):
            headers.append(("Authorization", self.auth.header()))
        if not self.compression:
            headers.append(("Accept-Encoding", "identity"))
        return headers
