"""Reads the token of a request from its headers."""

import base64
import binascii
from collections.abc import Mapping


def token_of(headers: Mapping[str, str]) -> str | None:
    """Return the token of a request, "" if it is malformed, None if there is none.

    `Authorization: Bearer` and `X-API-Key` contain the token itself. In `Authorization:
    Basic`, which Prometheus's `basic_auth` and clients of the Pushgateway send, the token
    is the password and the user name is ignored. An account's password is never accepted
    there: it could be guessed without a limit and without the second factor. If both
    headers are present, `Authorization` counts.
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
