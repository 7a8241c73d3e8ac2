"""The settings of a web configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class TlsServer:
    """Section `tls_server_config`.

    Attributes:
        cert, key, client_ca: PEM text, or "" where a file is given.
        cert_file, key_file, client_ca_file: None if the text is given.
        client_auth_type, min_version, max_version, cipher_suites, curve: Go's names.
        client_allowed_sans: if not empty, one of them must be in the client's certificate.
        prefer_server_ciphers: whether our order of ciphers decides.
    """

    cert: str = ""
    key: str = field(default="", repr=False)
    client_ca: str = ""
    cert_file: Path | None = None
    key_file: Path | None = None
    client_ca_file: Path | None = None
    client_auth_type: str = ""
    client_allowed_sans: tuple[str, ...] = ()
    min_version: str = "TLS12"
    max_version: str = "TLS13"
    cipher_suites: tuple[str, ...] = ()
    curve: str = ""
    prefer_server_ciphers: bool = True

    @property
    def files(self) -> tuple[Path, ...]:
        """The files whose changes count."""
        return tuple(filter(None, (self.cert_file, self.key_file, self.client_ca_file)))


@dataclass(frozen=True)
class WebConfig:
    """A web configuration.

    Attributes:
        tls: None for plain HTTP.
        headers: added to each answer.
        users: bcrypt hashes of passwords by user; empty if no login is needed.
        rate_interval_s: the time in which one request is allowed; 0 is no limit.
        rate_burst: how many may come at once.
    """

    tls: TlsServer | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    users: Mapping[str, str] = field(default_factory=dict, repr=False)
    rate_interval_s: float = 0.0
    rate_burst: int = 0
