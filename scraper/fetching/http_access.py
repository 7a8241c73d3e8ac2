"""Access to an HTTP server: credentials, TLS, headers, proxy and address policy.

Files are read for each request, so that rotated secrets work without a reload.
"""

import base64
import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from scraper.errors import FetchError
from scraper.fetching.address_policy import AddressPolicy


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret, or the file that contains it; `repr` hides the text."""

    text: str = field(default="", repr=False)
    file: Path | None = None

    def read(self) -> str:
        """Return the secret; blocks if it is in a file.

        Raises:
            FetchError: the file cannot be read.
        """
        if self.file is None:
            return self.text
        try:
            return self.file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as exc:
            raise FetchError(f"cannot read {self.file}: {exc}") from exc


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
class TlsAccess:
    """TLS options of a connection.

    Attributes:
        ca: trusted certificates; replaces the system's.
        cert, key: the client certificate and its key.
        server_name: expected name in the server's certificate, "" for the URL's host.
        insecure_skip_verify: whether to accept any certificate.
        min_version, max_version: TLS versions, None for the library's default.
    """

    ca: Secret = Secret()
    cert: Secret = Secret()
    key: Secret = Secret()
    server_name: str = ""
    insecure_skip_verify: bool = False
    min_version: ssl.TLSVersion | None = None
    max_version: ssl.TLSVersion | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that hold certificates and the key."""
        return tuple(secret.file for secret in (self.ca, self.cert, self.key) if secret.file)

    def modification_times_ns(self) -> tuple[int, ...]:
        """Return the files' modification times, 0 for a missing file; blocks."""
        return tuple(file.stat().st_mtime_ns if file.exists() else 0 for file in self.files)

    def context(self) -> ssl.SSLContext:
        """Return an SSL context; blocks.

        Raises:
            FetchError: a file cannot be read, or contains no valid certificate or key.
        """
        try:
            return self._context()
        except (ssl.SSLError, OSError, ValueError) as exc:
            raise FetchError(f"TLS configuration: {exc}") from exc

    def _context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cadata=self.ca.read() or None)
        if self.insecure_skip_verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if self.min_version is not None:
            context.minimum_version = self.min_version
        if self.max_version is not None:
            context.maximum_version = self.max_version
        if self.cert.file is not None or self.cert.text:
            with _as_file(self.cert) as cert, _as_file(self.key) as key:
                context.load_cert_chain(cert, key)
        return context


@contextmanager
def _as_file(secret: Secret) -> Iterator[str]:
    """Yield the name of a file with the secret; `ssl` loads certificates only from files."""
    if secret.file is not None:
        yield str(secret.file)
        return
    # A file in memory, which disappears when it is closed.
    descriptor = os.memfd_create("redshank-tls")
    with os.fdopen(descriptor, "wb") as file:
        file.write(secret.text.encode())
        file.flush()
        yield f"/proc/self/fd/{descriptor}"


@dataclass(frozen=True, slots=True)
class HttpAccess:
    """The options of a request besides its URL.

    Attributes:
        auth: the credentials of the Authorization header.
        headers: further headers.
        tls: None for the library's defaults.
        proxy_url: URL of an HTTP proxy, None for a direct connection.
        follow_redirects: whether to follow redirects.
        compression: whether to accept compressed responses.
        address_policy: restricts the addresses of connections, None for no restriction.
        unix_socket: path of the Unix socket to connect to, None for the URL's host.
    """

    auth: BasicAuth | Authorization | None = None
    headers: tuple[tuple[str, Secret], ...] = ()
    tls: TlsAccess | None = None
    proxy_url: str | None = None
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
        if self.auth is not None:
            headers.append(("Authorization", self.auth.header()))
        if not self.compression:
            headers.append(("Accept-Encoding", "identity"))
        return headers
