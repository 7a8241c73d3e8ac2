"""A local certificate authority in the data directory, and the certificates that it issues.

The authority signs two kinds: for exporters and servers (server authentication), and for
this server's scrapes (client authentication). Neither can stand in for the other.
"""

import datetime as dt
import ipaddress
import os
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from daemon.data_directory import DataDirectory
from daemon.errors import CertificateError

SCRAPER_NAME: Final = "redshank-scraper"
"""The name in the client certificate of a server's scrapes."""

_AUTHORITY_DAYS: Final = 3650
_SCRAPER_DAYS: Final = 365
_RENEW_DAYS: Final = 60
_CLOCK_SKEW: Final = dt.timedelta(hours=1)
_DNS_NAME: Final = re.compile(
    r"(\*\.)?([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.?)+", re.ASCII
)


@dataclass(frozen=True, slots=True)
class IssuedCertificate:
    """A certificate and its key, in PEM form."""

    certificate: bytes
    key: bytes
    expires: dt.datetime


class CertificateAuthority:
    """Signs certificates.

    Attributes:
        certificate: its own certificate in PEM form.
    """

    def __init__(self, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        self._key, self._certificate = key, certificate
        self.certificate = certificate.public_bytes(serialization.Encoding.PEM)

    @classmethod
    def open(cls, directory: DataDirectory, now: dt.datetime) -> "CertificateAuthority":
        """Return the authority of a data directory, created on first use; blocks.

        Raises:
            CertificateError: its files are damaged, or one of them is missing.
            OSError: they cannot be read or written.
        """
        certificate_file, key_file = directory.authority, directory.authority_key
        if not certificate_file.exists() and not key_file.exists():
            authority = cls._create(now)
            # The key first: without it, the certificate is worth nothing.
            write_private(key_file, _private_pem(authority._key))  # noqa: SLF001 - of this class
            write_public(certificate_file, authority.certificate)
            return authority
        try:
            key = serialization.load_pem_private_key(key_file.read_bytes(), None)
            certificate = x509.load_pem_x509_certificate(certificate_file.read_bytes())
        except (ValueError, TypeError, FileNotFoundError) as exc:
            raise CertificateError(
                f"{certificate_file}, {key_file}: not the files of an authority ({exc}); restore "
                "both from a backup, or delete both and issue all certificates anew"
            ) from exc
        if not isinstance(key, ec.EllipticCurvePrivateKey) or (
            key.public_key() != certificate.public_key()
        ):
            raise CertificateError(f"{key_file} is not the key of {certificate_file}")
        return cls(key, certificate)

    @classmethod
    def _create(cls, now: dt.datetime) -> "CertificateAuthority":
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Redshank local authority")])
        usage = x509.KeyUsage(
            digital_signature=False,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=True,
            crl_sign=True,
            encipher_only=False,
            decipher_only=False,
        )
        builder = (
            _builder(name, name, key, now, _AUTHORITY_DAYS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
        )
        return cls(key, builder.sign(key, hashes.SHA256()))

    def vouches_for(self, file: Path, until: dt.datetime) -> bool:
        """Return whether a file holds a certificate of this authority, valid at `until`; blocks."""
        try:
            found = x509.load_pem_x509_certificate(file.read_bytes())
            found.verify_directly_issued_by(self._certificate)
        except (FileNotFoundError, ValueError, TypeError, InvalidSignature):
            return False
        return found.not_valid_after_utc > until

    def issue(
        self, names: Sequence[str], now: dt.datetime, days: int, *, for_client: bool = False
    ) -> IssuedCertificate:
        """Return a certificate for DNS names and IP addresses.

        Raises:
            CertificateError: a name is neither, or the authority ends before.
        """
        alternatives = [_general_name(name) for name in names]
        if now + dt.timedelta(days=days) > self._certificate.not_valid_after_utc:
            raise CertificateError(
                f"the authority is valid until {self._certificate.not_valid_after_utc:%Y-%m-%d}; "
                "name fewer --days, or delete its two files and issue all certificates anew"
            )
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
        usage = ExtendedKeyUsageOID.CLIENT_AUTH if for_client else ExtendedKeyUsageOID.SERVER_AUTH
        public_key = self._certificate.public_key()
        if not isinstance(public_key, ec.EllipticCurvePublicKey):
            raise CertificateError("the authority has a key of another kind")
        certificate = (
            _builder(subject, self._certificate.subject, key, now, days)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(public_key), critical=False
            )
            .sign(self._key, hashes.SHA256())
        )
        return IssuedCertificate(
            certificate.public_bytes(serialization.Encoding.PEM),
            _private_pem(key),
            certificate.not_valid_after_utc,
        )


def renew_scraper(directory: DataDirectory, now: dt.datetime) -> bool:
    """Issue the certificate of this server's scrapes unless it is valid for long; blocks.

    Returns:
        Whether it was issued.

    Raises:
        CertificateError: the authority's files are damaged.
        OSError: a file cannot be read or written.
    """
    authority = CertificateAuthority.open(directory, now)
    if directory.scraper_key.exists() and authority.vouches_for(
        directory.scraper_certificate, now + dt.timedelta(days=_RENEW_DAYS)
    ):
        return False
    issued = authority.issue([SCRAPER_NAME], now, _SCRAPER_DAYS, for_client=True)
    write_private(directory.scraper_key, issued.key)
    write_public(directory.scraper_certificate, issued.certificate)
    return True


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner can read, atomically."""
    _write(path, content, 0o600)


def write_public(path: Path, content: bytes) -> None:
    """Write a file that everybody may read, atomically."""
    _write(path, content, 0o644)


def _write(path: Path, content: bytes, mode: int) -> None:
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            os.fchmod(file.fileno(), mode)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    now: dt.datetime,
    days: int,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + dt.timedelta(days=days))
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name.strip("[]")))
    except ValueError:
        pass
    if len(name) > 253 or not _DNS_NAME.fullmatch(name):
        raise CertificateError(
            f'"{name}" is neither a host name nor an IP address; leave scheme and port out'
        )
    return x509.DNSName(name.rstrip("."))


def _private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
