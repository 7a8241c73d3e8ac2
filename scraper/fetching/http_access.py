"""How a server is reached over HTTP: credentials, TLS, headers, proxy.

Files are read anew for each request, so that rotated secrets work without a reload.
"""

import base64
import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from scraper.errors import FetchError
from scraper.fetching.reach import Reach


@dataclass(frozen=True, slots=True)
class Secret:
    """A text, or the file that holds it; not shown by `repr`."""

    text: str = field(default="", repr=False)
    file: Path | None = None

    def read(self) -> str:
        """Return the text; blocks where it is in a file.

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
    """A user's name and password."""

    username: Secret
    password: Secret

    def header(self) -> str:
        """Return the Authorization header; blocks where secrets are in files."""
        pair = f"{self.username.read()}:{self.password.read()}"
        return "Basic " + base64.b64encode(pair.encode()).decode()


@dataclass(frozen=True, slots=True)
class Authorization:
    """Credentials of any other type, such as Bearer."""

    type: str
    credentials: Secret

    def header(self) -> str:
        """Return the Authorization header; blocks where the secret is in a file."""
        return f"{self.type} {self.credentials.read()}"


@dataclass(frozen=True, slots=True)
class TlsAccess:
    """How a TLS connection is made.

    Attributes:
        ca: certificates to trust in place of the system's.
        cert, key: what this side shows of itself.
        server_name: what the certificate must be for, "" for the URL's host.
        insecure_skip_verify: whether any certificate will do.
        min_version, max_version: None takes the library's.
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
        """The files that it needs."""
        return tuple(secret.file for secret in (self.ca, self.cert, self.key) if secret.file)

    def stamp(self) -> tuple[int, ...]:
        """Return what changes when one of the files does; blocks if there are any."""
        return tuple(file.stat().st_mtime_ns if file.exists() else 0 for file in self.files)

    def context(self) -> ssl.SSLContext:
        """Return a context for connections; blocks.

        Raises:
            FetchError: a file cannot be read, or holds no certificate or key.
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
            with _on_disk(self.cert) as cert, _on_disk(self.key) as key:
                context.load_cert_chain(cert, key)
        return context


@contextmanager
def _on_disk(secret: Secret) -> Iterator[str]:
    """Yield the name of a file with the secret: Python loads certificates from files only."""
    if secret.file is not None:
        yield str(secret.file)
        return
    # In memory, never on a disk, and gone when closed.
    descriptor = os.memfd_create("redshank-tls")
    with os.fdopen(descriptor, "wb") as file:
        file.write(secret.text.encode())
        file.flush()
        yield f"/proc/self/fd/{descriptor}"


@dataclass(frozen=True, slots=True)
class HttpAccess:
    """Everything about a request but its URL.

    Attributes:
        auth: what the Authorization header says.
        headers: further headers.
        tls: None for the library's defaults.
        proxy_url: an HTTP proxy, None for none.
        follow_redirects: whether an answer elsewhere is fetched there.
        compression: whether a compressed answer is asked for.
        reach: which addresses may be connected to, None for any.
    """

    auth: BasicAuth | Authorization | None = None
    headers: tuple[tuple[str, Secret], ...] = ()
    tls: TlsAccess | None = None
    proxy_url: str | None = None
    follow_redirects: bool = True
    compression: bool = True
    reach: Reach | None = None

    @property
    def reads_files(self) -> bool:
        """Whether making the headers blocks."""
        secrets = [secret for _, secret in self.headers]
        match self.auth:
            case BasicAuth(username, password):
                secrets += [username, password]
            case Authorization(_, credentials):
                secrets.append(credentials)
        return any(secret.file is not None for secret in secrets)

    def request_headers(self) -> list[tuple[str, str]]:
        """Return the headers of a request by name and value; blocks if `reads_files`.

        Raises:
            FetchError: a file cannot be read.
        """
        headers = [(name, secret.read()) for name, secret in self.headers]
        if self.auth is not None:
            headers.append(("Authorization", self.auth.header()))
        if not self.compression:
            headers.append(("Accept-Encoding", "identity"))
        return headers
