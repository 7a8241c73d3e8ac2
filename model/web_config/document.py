"""Reads a web configuration file strictly; errors name file, line and key.

The exporter has no pydantic, and reads this file only if there is one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from model.process.regular_files import open_regular
from model.web_config.errors import WebConfigError
from model.web_config.names import (
    CIPHERS,
    CLIENT_AUTH,
    CURVES,
    TLS13_CIPHERS,
    UNVERIFIED,
    VERSIONS,
)
from model.web_config.sections import WebConfigSection
from model.web_config.settings import TlsServer, WebConfig

_TRUE: Final = frozenset({"true", "yes", "on", "y"})
_FALSE: Final = frozenset({"false", "no", "off", "n"})
_DURATION: Final = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(h|ms|m|s|us|µs|ns)")
_UNITS_S: Final = {"h": 3600, "m": 60, "s": 1, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_BCRYPT: Final = re.compile(r"\$2[aby]?\$(0[4-9]|[12]\d|3[01])\$[./A-Za-z0-9]{53}")
_LARGEST_BYTES: Final = 2**20

HEADERS: Final[Mapping[str, tuple[str, ...]]] = {
    "Strict-Transport-Security": (),
    "X-Content-Type-Options": ("nosniff",),
    "X-Frame-Options": ("deny", "sameorigin"),
    "X-XSS-Protection": (),
    "Content-Security-Policy": (),
}
"""The headers that may be set, with their values if only some are allowed."""


def read_web_config(path: Path) -> WebConfig:
    """Read a file; blocks. Relative paths in it start from its directory.

    Raises:
        WebConfigError: the file cannot be read or is invalid.
    """
    try:
        with open_regular(path) as file:
            content = file.read(_LARGEST_BYTES + 1)
        text = content.decode()
    except (OSError, UnicodeDecodeError) as exc:
        raise WebConfigError(f"{path}: {getattr(exc, 'strerror', None) or exc}") from exc
    if len(content) > _LARGEST_BYTES:
        raise WebConfigError(f"{path}: larger than {_LARGEST_BYTES} bytes")
    return parse_web_config(text, path)


def parse_web_config(text: str, path: Path) -> WebConfig:
    """Return the web configuration that a text holds; `path` is its file.

    Raises:
        WebConfigError: the text is not YAML, has an unknown key, or an invalid value.
    """
    # Imported here: only an exporter with such a file needs it.
    import yaml

    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError, ValueError) as exc:
        mark = getattr(exc, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise WebConfigError(f"{where}: {getattr(exc, 'problem', None) or 'not YAML'}") from exc
    root = WebConfigSection(node, str(path), "")
    tls = root.section("tls_server_config")
    http = root.section("http_server_config")
    limit = root.section("rate_limit")
    found = WebConfig(
        _tls(tls, path.parent),
        _headers(http),
        root.texts_by_name("basic_auth_users", _user),
        limit.value("interval", _duration_s, 0.0),
        limit.value("burst", _whole, 0),
    )
    # HTTP/1.1 is all that we speak, with and without this key.
    http.value("http2", _flag, default=True)
    for section in (root, tls, http, limit):
        section.refuse_others()
    return found


def tls_of(values: Mapping[str, object], directory: Path) -> TlsServer | None:
    """Return the settings of a section that another document holds.

    Raises:
        WebConfigError: a value is invalid; the message begins with its key.
    """
    text = json.dumps({"tls_server_config": values})
    try:
        return parse_web_config(text, directory / "tls").tls
    except WebConfigError as exc:
        raise WebConfigError(str(exc).rpartition("tls_server_config.")[2]) from exc


def _tls(section: WebConfigSection, directory: Path) -> TlsServer | None:
    def file(text: str) -> Path | None:
        return directory / text if text else None

    tls = TlsServer(
        cert=section.value("cert", str, ""),
        key=section.value("key", str, ""),
        client_ca=section.value("client_ca", str, ""),
        cert_file=section.value("cert_file", file, None),
        key_file=section.value("key_file", file, None),
        client_ca_file=section.value("client_ca_file", file, None),
        client_auth_type=section.value("client_auth_type", str, ""),
        client_allowed_sans=section.values("client_allowed_sans", str),
        min_version=section.value("min_version", _one_of(VERSIONS, "TLS version"), "TLS12"),
        max_version=section.value("max_version", _one_of(VERSIONS, "TLS version"), "TLS13"),
        cipher_suites=section.values(
            "cipher_suites", _one_of({**CIPHERS, **dict.fromkeys(TLS13_CIPHERS)}, "cipher")
        ),
        curve=_curve(section),
        prefer_server_ciphers=section.value("prefer_server_cipher_suites", _flag, default=True),
    )
    has_cert, has_key = bool(tls.cert or tls.cert_file), bool(tls.key or tls.key_file)
    has_ca = bool(tls.client_ca or tls.client_ca_file)
    if not (has_cert or has_key or has_ca or tls.client_auth_type):
        return None
    if not has_cert:
        raise section.error("cert_file", "is missing; name the certificate's file, or set cert")
    if not has_key:
        raise section.error("key_file", "is missing; name the file of the key, or set key")
    _check_clients(section, tls, has_ca=has_ca)
    return tls


def _curve(section: WebConfigSection) -> str:
    names = section.values("curve_preferences", _one_of(CURVES, "curve"))
    if len(names) > 1:
        raise section.error(
            "curve_preferences",
            f"Python's ssl can select one curve, not {', '.join(names)}; name one, or leave the "
            "key out, which offers all of them",
        )
    return names[0] if names else ""


def _check_clients(section: WebConfigSection, tls: TlsServer, *, has_ca: bool) -> None:
    kind = tls.client_auth_type
    if kind in UNVERIFIED:
        raise section.error(
            "client_auth_type",
            f'"{kind}" accepts certificates of any issuer, which Python\'s ssl cannot; use '
            '"RequireAndVerifyClientCert" or "VerifyClientCertIfGiven"',
        )
    if kind not in CLIENT_AUTH:
        raise section.error("client_auth_type", f'"{kind}" is none of {", ".join(CLIENT_AUTH)[2:]}')
    if has_ca and kind in ("", "NoClientCert"):
        raise section.error(
            "client_auth_type", 'is missing; client_ca needs "RequireAndVerifyClientCert"'
        )
    if tls.client_allowed_sans and kind != "RequireAndVerifyClientCert":
        raise section.error(
            "client_allowed_sans", 'needs client_auth_type "RequireAndVerifyClientCert"'
        )


def _headers(section: WebConfigSection) -> Mapping[str, str]:
    headers = section.texts_by_name("headers", lambda _, text: text)
    for name, value in headers.items():
        if name not in HEADERS:
            raise section.error(f"headers.{name}", f"only {', '.join(HEADERS)} can be set")
        allowed = HEADERS[name]
        if allowed and value not in allowed:
            raise section.error(f"headers.{name}", f'"{value}" is not {" or ".join(allowed)}')
        if not value.isprintable() or not value.isascii():
            raise section.error(f"headers.{name}", "has characters that no header may have")
    return {name: value for name, value in headers.items() if value}


def _user(name: str, password: str) -> str:
    if ":" in name:
        raise ValueError("the name of a user has no colon")
    if not _BCRYPT.fullmatch(password):
        raise ValueError("is not the bcrypt hash of a password, which begins with $2y$")
    return password


def _flag(text: str) -> bool:
    lower = text.lower()
    if lower not in _TRUE | _FALSE:
        raise ValueError(f'"{text}" is not true or false')
    return lower in _TRUE


def _whole(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise ValueError(f'"{text}" is not a whole number')
    return int(text[:18])


def _duration_s(text: str) -> float:
    if text == "0":
        return 0.0
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f'"{text}" is not a duration such as 100ms or 1s')
    return sum(float(number) * _UNITS_S[unit] for number, unit in parts)


def _one_of(known: Mapping[str, object], noun: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        if text not in known:
            raise ValueError(f'"{text}" is an unknown {noun}; known are {", ".join(known)}')
        return text

    return check
