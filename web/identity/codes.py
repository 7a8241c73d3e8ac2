"""One-time codes of authenticator apps, and the recovery codes for when the phone is gone.

Source: RFC 6238 (TOTP: SHA-1, six digits, 30 s, as every app has it).
"""

import hashlib
import hmac
import secrets
from typing import Final

import pyotp

STEP_MS: Final = 30_000
RECOVERY_CODES: Final = 10
_DRIFT_STEPS = 1
"""A phone's clock may be off by so many steps."""

# No 0/O, 1/l/i: they are copied from paper by hand.
_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"


def new_secret() -> str:
    """Return a secret to share with an app, in base32; 160 bits."""
    return pyotp.random_base32()


def provisioning_uri(secret: str, user: str) -> str:
    """Return what an app reads from the QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=user, issuer_name="Redshank")


def step_of(secret: str, code: str, now_ms: int) -> int | None:
    """Return the time step whose code this is, None if it is no code of about now."""
    totp = pyotp.TOTP(secret)
    given = code.encode("utf-8", "surrogatepass")
    current = now_ms // STEP_MS
    found = None
    # Every step is compared, so that the time taken does not tell which one it was.
    for step in range(current - _DRIFT_STEPS, current + _DRIFT_STEPS + 1):
        if hmac.compare_digest(totp.generate_otp(step).encode(), given):
            found = step
    return found


def new_recovery_codes() -> tuple[str, ...]:
    """Return codes to write down: 16 characters each, 79 bits."""
    return tuple(
        "-".join("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(4))
        for _ in range(RECOVERY_CODES)
    )


def recovery_hash(code: str) -> str:
    """Return what is stored of a recovery code, however it was typed.

    A plain hash is enough for 79 random bits.
    """
    typed = "".join(code.lower().replace("-", "").split())
    return hashlib.sha256(typed.encode("utf-8", "surrogatepass")).hexdigest()
