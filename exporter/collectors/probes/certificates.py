"""Expiry of certificates, in files and of TLS servers, with x509-certificate-exporter's names."""

from __future__ import annotations

import glob
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from exporter.collectors.x509 import CertificateFacts, read_certificate, read_certificates
from exporter.deadlines import DeadlineExecutor
from exporter.errors import NoDataError
from exporter.families import Family, GaugeFamily
from exporter.roots import Roots
from model.probing.reply import host_and_port

_MOST_BYTES: Final = 4 * 2**20
_MOST_FILES: Final = 1000
_TIMEOUT_S: Final = 3.0
_DEADLINE_S: Final = 4.0
_PATIENCE_S: Final = 0.02
# A server's certificate changes rarely, and each look is a TLS handshake.
_ENDPOINTS_S: Final = 300.0
_PLACE: Final = ("filepath", "endpoint")
_LABELS: Final = (*_PLACE, "subject_CN", "issuer_CN", "serial_number")


def certificate_of(endpoint: str) -> bytes:
    """Return the certificate that a TLS server shows, in DER; it need not be trusted.

    Raises:
        OSError: the server does not answer, or speaks no TLS.
    """
    # Imported here: certificates in files do not need them.
    import socket
    import ssl

    host, port = host_and_port(endpoint, 443)
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection((host, port), _TIMEOUT_S) as connection,
        context.wrap_socket(connection, server_hostname=host) as tls,
    ):
        certificate = tls.getpeercert(binary_form=True)
    if not certificate:
        raise OSError("the server shows no certificate")
    return certificate


class Certificates:
    """Reads the certificates that options list.

    Args:
        roots: where the host's files are.
        files: paths or patterns of PEM and DER files.
        endpoints: HOST:PORT of TLS servers.
        fetch: returns the certificate of a server.
        monotonic: the time in seconds.
    """

    name = "certificates"

    def __init__(
        self,
        roots: Roots,
        files: Sequence[str] = (),
        endpoints: Sequence[str] = (),
        fetch: Callable[[str], bytes] = certificate_of,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._roots, self._files, self._monotonic = roots, files, monotonic
        self._functions = {one: partial(_fetched, fetch, one) for one in endpoints}
        self._executor: DeadlineExecutor[CertificateFacts] = DeadlineExecutor(
            _DEADLINE_S, _PATIENCE_S
        )
        self._known: dict[str, tuple[float, CertificateFacts]] = {}

    def collect(self) -> Iterable[Family]:
        """Return the validity of each certificate, and which cannot be read.

        Raises:
            NoDataError: no option names a certificate.
        """
        if not self._files and not self._functions:
            raise NoDataError("no --collector.certificates option names a certificate")
        after = GaugeFamily(
            "x509_cert_not_after", "Indicates the certificate's not after timestamp", labels=_LABELS
        )
        before = GaugeFamily(
            "x509_cert_not_before",
            "Indicates the certificate's not before timestamp",
            labels=_LABELS,
        )
        error = GaugeFamily(
            "x509_cert_error", "Indicates whether the certificate cannot be read", labels=_PLACE
        )
        seen = set()
        for place, found in (*self._of_files(), *self._of_endpoints()):
            error.add(place, found is None)
            for one in found or ():
                labels = (*place, one.subject, one.issuer, one.serial)
                if labels not in seen:
                    seen.add(labels)
                    after.add(labels, one.not_after_s)
                    before.add(labels, one.not_before_s)
        return [after, before, error]

    def _of_files(self) -> Iterator[tuple[tuple[str, str], list[CertificateFacts] | None]]:
        for path in self._paths():
            try:
                with Path(self._roots.host_path(path)).open("rb") as file:
                    content = file.read(_MOST_BYTES)
                yield (path, ""), read_certificates(content)
            except (OSError, ValueError):
                yield (path, ""), None

    def _paths(self) -> list[str]:
        prefix = len(self._roots.host_path("/")) - 1
        paths: dict[str, None] = {}
        for pattern in self._files:
            found = sorted(glob.glob(self._roots.host_path(pattern)))  # noqa: PTH207 - absolute.
            paths |= dict.fromkeys([path[prefix:] for path in found] or [pattern])
        return list(paths)[:_MOST_FILES]

    def _of_endpoints(self) -> Iterator[tuple[tuple[str, str], list[CertificateFacts] | None]]:
        now_s = self._monotonic()
        due = {
            endpoint: function
            for endpoint, function in self._functions.items()
            if endpoint not in self._known or now_s - self._known[endpoint][0] >= _ENDPOINTS_S
        }
        for endpoint, result in self._executor.run(due).items():
            # A server that fails is asked again by the next scrape.
            self._known.pop(endpoint, None)
            if result.value is not None:
                self._known[endpoint] = now_s, result.value
        for endpoint in self._functions:
            known = self._known.get(endpoint)
            yield ("", endpoint), None if known is None else [known[1]]


def _fetched(fetch: Callable[[str], bytes], endpoint: str) -> CertificateFacts:
    return read_certificate(fetch(endpoint))
