"""Checks the passwords of basic authentication against bcrypt hashes."""

from __future__ import annotations

import base64
import binascii
import hashlib
import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import Final

_CACHED: Final = 100
_LONGEST: Final = 72
"""bcrypt reads no more bytes of a password."""
_NOBODY: Final = "$2b$10$C6UzMDM.H6dfI/f/IKcEeO7/dHRhtvQxz8ZZ5oIk1dQSb7mQ5d3Aq"
"""Checked for an unknown user, so that the time says nothing about names."""


class PasswordCheck:
    """Checks passwords, one at a time, because each check takes up to seconds of CPU.

    Results are remembered, as digests: a scraper sends the same password every few seconds.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[bytes, bool] = OrderedDict()

    def known(self, users: Mapping[str, str], authorization: str) -> bool | None:
        """Return the remembered result, None if there is none."""
        pair = credentials(authorization)
        return False if pair is None else self._known.get(_digest(users, *pair))

    def accepts(self, users: Mapping[str, str], authorization: str) -> bool:
        """Return whether an Authorization header holds a user and the password; blocks."""
        pair = credentials(authorization)
        if pair is None:
            return False
        digest = _digest(users, *pair)
        with self._lock:
            known = self._known.get(digest)
            if known is None:
                known = self._known[digest] = _matches(users, *pair)
                if len(self._known) > _CACHED:
                    self._known.popitem(last=False)
        return known


def credentials(authorization: str) -> tuple[str, str] | None:
    """Return user and password of a Basic header, None if it is none."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    user, colon, password = text.partition(":")
    return (user, password) if colon else None


def _digest(users: Mapping[str, str], user: str, password: str) -> bytes:
    parts = (user, users.get(user, ""), password)
    return hashlib.sha256("\0".join(f"{len(each)}:{each}" for each in parts).encode()).digest()


def _matches(users: Mapping[str, str], user: str, password: str) -> bool:
    # Imported here: only a server with such users needs it.
    import bcrypt

    expected = users.get(user)
    try:
        is_right = bcrypt.checkpw(password.encode()[:_LONGEST], (expected or _NOBODY).encode())
    except ValueError:
        return False
    return is_right and expected is not None
