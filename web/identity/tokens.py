"""Where programs put their tokens: three headers, one token."""

import base64
import binascii
from collections.abc import Mapping


def token_of(headers: Mapping[str, str]) -> str | None:
    """Return the token that a request carries, "" for one that cannot be read.

    `Authorization: Bearer` and `X-API-Key` hold it as it is; in `Authorization: Basic`,
    which Prometheus's `basic_auth` and Pushgateway's clients send, it is the password
    and the user name says nothing. Never the password of an account: it would be
    tried without end and without a second factor.

    Returns:
        None for a request that carries none; of two headers `Authorization` counts.
    """
    header = headers.get("Authorization")
    if header is None:
        key = headers.get("X-API-Key")
        return None if key is None else key.strip()
    scheme, _, rest = header.partition(" ")
    match scheme.lower():
        case "bearer":
            return rest.strip()
        case "basic":
            return _basic_password(rest.strip())
    return ""


def _basic_password(encoded: str) -> str:
    try:
        decoded = base64.b64decode(encoded.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        return ""
    return decoded.partition(b":")[2].decode("utf-8", "surrogateescape")
