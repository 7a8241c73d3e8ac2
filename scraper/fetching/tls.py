"""TLS options of a connection.

Files are read when they have changed, so that rotated certificates work without a reload.
"""

import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from scraper.errors import FetchError
from scraper.fetching.secrets import NO_SECRET, Secret


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

    ca: Secret = NO_SECRET
    cert: Secret = NO_SECRET
    key: Secret = NO_SECRET
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
