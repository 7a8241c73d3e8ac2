"""Known devices: browsers on which a user has logged in before.

A cookie proves it. It replaces no credential: it only exempts the browser from the limits
that strangers cause.

Source: OWASP, "Slow Down Online Guessing Attacks with Device Cookies".
"""

import hmac
import secrets
from typing import Final

from aiohttp import web

from model.clock import Clock
from storage.api.accounts import User
from web.identity.keys import KeyRing
from web.settings import WebSettings

_PURPOSE: Final = "known device"
_LIFETIME_S: Final = 180 * 86_400


class KnownDevices:
    """Marks browsers that log in, and recognises them at their next login."""

    def __init__(self, keys: KeyRing, clock: Clock, settings: WebSettings) -> None:
        self._keys, self._clock, self._is_secure = keys, clock, settings.secure
        self._cookie_name = "__Host-redshank_device" if settings.secure else "redshank_device"

    def mark(self, response: web.StreamResponse, user: User) -> None:
        """Mark the browser that receives the response as a device of the user."""
        text = f"{user.id}.{self._clock() // 1000}.{secrets.token_urlsafe(12)}"
        response.set_cookie(
            self._cookie_name,
            f"{text}.{self._keys.authentication_code(_PURPOSE, text)}",
            max_age=_LIFETIME_S,
            path="/",
            httponly=True,
            samesite="Lax",
            secure=self._is_secure,
        )

    def find(self, request: web.Request, user_id: int) -> str | None:
        """Return the id of the device that sent the request; None if it is none of the user's."""
        text, _, code = request.cookies.get(self._cookie_name, "").rpartition(".")
        right = self._keys.authentication_code(_PURPOSE, text)
        if not hmac.compare_digest(code.encode("utf-8", "surrogatepass"), right.encode()):
            return None
        owner, issued_s, device = text.split(".")
        age_s = self._clock() // 1000 - int(issued_s)
        # Also if the clock was set back since: the cookie grants nothing by itself.
        return device if int(owner) == user_id and age_s < _LIFETIME_S else None
