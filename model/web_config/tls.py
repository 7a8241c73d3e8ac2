"""Makes the SSL context of a server from its TLS settings."""

from __future__ import annotations

import os
import ssl
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from model.web_config.errors import WebConfigError
from model.web_config.names import CIPHERS, CLIENT_AUTH, CURVES, VERSIONS
from model.web_config.settings import TlsServer


def server_context(tls: TlsServer, name: str, protocol: str = "http/1.1") -> ssl.SSLContext:
    """Return the context; blocks.

    Args:
        tls: the settings.
        name: the file or section that holds them, for messages.
        protocol: what is spoken over TLS, as ALPN names it. aiohttp and http.server speak
            HTTP/1.1, gRPC HTTP/2 ("h2").

    Raises:
        WebConfigError: a file cannot be read, or holds no certificate or key that fits.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols([protocol])
    _set_versions(context, tls, name)
    _set_ciphers(context, tls, name)
    _load_certificate(context, tls, name)
    _set_clients(context, tls, name)
    return context


def refuses_peer(tls: TlsServer, certificate: Mapping[str, Any] | None) -> bool:
    """Return whether a client's certificate lacks every allowed subject alternative name."""
    if not tls.client_allowed_sans:
        return False
    names = (certificate or {}).get("subjectAltName", ())
    return not any(value in tls.client_allowed_sans for _, value in names)


def _set_versions(context: ssl.SSLContext, tls: TlsServer, name: str) -> None:
    least, most = VERSIONS[tls.min_version], VERSIONS[tls.max_version]
    only_13 = bool(tls.cipher_suites) and not any(each in CIPHERS for each in tls.cipher_suites)
    if only_13:
        least = max(least, ssl.TLSVersion.TLSv1_3)
    if least > most:
        raise WebConfigError(f"{name}: min_version: {tls.min_version} is above {tls.max_version}")
    with warnings.catch_warnings():
        # TLS 1.0 and 1.1 are deprecated, and named on purpose.
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version, context.maximum_version = least, most


def _set_ciphers(context: ssl.SSLContext, tls: TlsServer, name: str) -> None:
    chosen = [CIPHERS[each] for each in tls.cipher_suites if each in CIPHERS]
    # Those of Go's list, its order aside: forward secrecy, and no CBC unless it is named.
    usual = [each for each in CIPHERS.values() if not each.endswith("-SHA")]
    # OpenSSL offers TLS 1.0 and 1.1 at level 0 only.
    level = ["@SECLEVEL=0"] if VERSIONS[tls.min_version] < ssl.TLSVersion.TLSv1_2 else []
    if level and not chosen:
        usual = list(CIPHERS.values())
    try:
        context.set_ciphers(":".join([*(chosen or usual), *level]))
        if tls.curve:
            context.set_ecdh_curve(CURVES[tls.curve])
    except (ssl.SSLError, ValueError) as exc:
        raise WebConfigError(f"{name}: cipher_suites, curve_preferences: {exc}") from exc
    if tls.prefer_server_ciphers:
        context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    else:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE


def _load_certificate(context: ssl.SSLContext, tls: TlsServer, name: str) -> None:
    cert = _content(tls.cert_file, tls.cert, f"{name}: cert_file")
    key = _content(tls.key_file, tls.key, f"{name}: key_file")
    shown_cert = f"cert_file: {tls.cert_file}" if tls.cert_file else "cert"
    shown_key = f"key_file: {tls.key_file}" if tls.key_file else "key"
    with _in_memory(cert) as cert_path, _in_memory(key) as key_path:
        try:
            context.load_cert_chain(cert_path, key_path, password=_no_password)
        except (ssl.SSLError, OSError, ValueError) as exc:
            problem = _problem(exc)
            raise WebConfigError(f"{name}: {shown_cert}, {shown_key}: {problem}") from exc


def _problem(exc: Exception) -> str:
    reason = getattr(exc, "reason", None)
    if reason == "KEY_VALUES_MISMATCH":
        return "the key does not belong to the certificate"
    if reason == "NO_START_LINE" or (isinstance(exc, ssl.SSLError) and reason is None):
        return "no certificate and key in PEM form"
    return str(reason or exc).lower().replace("_", " ")


def _no_password() -> str:
    # Without it, OpenSSL asks for the password on the terminal.
    raise ValueError("the key is encrypted; decrypt it, and let only this user read it")


def _set_clients(context: ssl.SSLContext, tls: TlsServer, name: str) -> None:
    mode = CLIENT_AUTH[tls.client_auth_type]
    if mode == ssl.CERT_NONE:
        return
    context.verify_mode = mode
    ca = _content(tls.client_ca_file, tls.client_ca, f"{name}: client_ca_file")
    if not ca:
        context.load_default_certs(ssl.Purpose.CLIENT_AUTH)
        return
    try:
        context.load_verify_locations(cadata=ca.decode("ascii", "replace"))
    except (ssl.SSLError, ValueError) as exc:
        shown = f"client_ca_file: {tls.client_ca_file}" if tls.client_ca_file else "client_ca"
        raise WebConfigError(f"{name}: {shown}: no certificate in PEM form") from exc


def _content(file: Path | None, text: str, name: str) -> bytes:
    if file is None:
        return text.encode()
    try:
        return file.read_bytes()
    except OSError as exc:
        raise WebConfigError(f"{name}: cannot read {file}: {exc.strerror}") from exc


@contextmanager
def _in_memory(content: bytes) -> Iterator[str]:
    """Yield the name of a file in memory; `ssl` loads certificates and keys only from files."""
    descriptor = os.memfd_create("redshank-tls")
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        yield f"/proc/self/fd/{descriptor}"
