"""One-time codes of authenticator apps, and recovery codes for a lost phone.

Source: RFC 6238 (TOTP with SHA-1, six digits, 30 s: the defaults of all apps).
"""

import hashlib
import hmac
from typing import Final

import pyotp

from web.identity.readable_codes import readable_code

STEP_MS: Final = 30_000
RECOVERY_CODES: Final = 10
_DRIFT_STEPS = 1
"""The number of steps by which a phone's clock may be off."""


def new_secret() -> str:
    """Return a secret for an authenticator app: 160 bits in base32."""
    return pyotp.random_base32()


def provisioning_uri(secret: str, user: str) -> str:
    """Return the URI in the QR code for an authenticator app."""
    return pyotp.TOTP(secret).provisioning_uri(name=user, issuer_name="Redshank")


def step_of(secret: str, code: str, now_ms: int) -> int | None:
    """Return the time step of a code, None if the code is invalid at this time."""
    totp = pyotp.TOTP(secret)
    given = code.encode("utf-8", "surrogatepass")
    current = now_ms // STEP_MS
    found = None
    # Compare with every step, so that the duration does not reveal the matching one.
    for step in range(current - _DRIFT_STEPS, current + _DRIFT_STEPS + 1):
        if hmac.compare_digest(totp.generate_otp(step).encode(), given):
            found = step
    return found


def new_recovery_codes() -> tuple[str, ...]:
    """Return new recovery codes: 25 characters each, 123 bits."""
    return tuple(readable_code(5, 5) for _ in range(RECOVERY_CODES))


def recovery_hash(code: str) -> str:
    """Return the stored hash of a recovery code; case, dashes and blanks are ignored.

    A plain hash is enough for 112 random bits and more (OWASP ASVS 5.0, 6.5.2).
    """
    typed = "".join(code.lower().replace("-", "").split())
    return hashlib.sha256(typed.encode("utf-8", "surrogatepass")).hexdigest()
