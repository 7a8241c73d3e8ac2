"""Replaces secrets in paths and consumers before they leave the process."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

MASK: Final = "***"

_SECRET_NAME: Final = re.compile(
    r"token|secret|password|passwd|passphrase|api_?key|auth|session|signature|credential|otp"
    r"|(?:^|_)(?:key|code|pin|sig)(?:_|$)",
    re.IGNORECASE,
)
"""Names of route parameters whose values are secrets, such as `/reset/{token}`."""

_KNOWN: Final = (
    r"eyJ[\w-]{5,}\.[\w-]{5,}(?:\.[\w-]*)?",  # JSON Web Tokens
    r"(?:rsk|sk|pk|rk|ghp|gho|ghs|ghu|glpat|xox[abposr]|whsec|npm|hf|key)[_-][\w-]{16,}",
    r"github_pat_\w{20,}",
    r"(?<![A-Za-z0-9])(?:AKIA|ASIA)[0-9A-Z]{16}(?![A-Za-z0-9])",  # AWS access keys
    r"(?:Bearer|Basic)[ +]\S+",
    # Long runs of letters and digits; a UUID, which has hyphens, is an id.
    r"(?<![\w-])(?=[\w-]*[0-9])(?=[\w-]*[A-Za-z])[A-Za-z0-9_]{32,}(?![\w-])",
    r"[\w.+-]+(?:@|%40)[\w-]+\.[\w.-]+",  # e-mail addresses
)


class SecretMask:
    """Masks what looks like a secret.

    Tokens of known forms, long random texts and e-mail addresses are masked everywhere, and the
    values of route parameters by their names.

    Args:
        patterns: regular expressions of further secrets.

    Raises:
        ValueError: one is no regular expression.
    """

    def __init__(self, patterns: Iterable[str] = ()) -> None:
        own = [_checked(pattern) for pattern in patterns]
        self._secret = re.compile("|".join(f"(?:{each})" for each in (*_KNOWN, *own)))

    def path(self, path: str, parameters: Mapping[str, Any] | None) -> str:
        """Return a path without secrets."""
        for name, value in (parameters or {}).items():
            text = str(value)
            if text and _SECRET_NAME.search(name):
                path = re.sub(rf"(?<=/){re.escape(text)}(?=/|$)", MASK, path)
        return self.text(path)

    def text(self, text: str) -> str:
        """Return a text without secrets."""
        return self._secret.sub(MASK, text)


def _checked(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as exc:
        raise ValueError(f"secrets: {pattern!r} is no regular expression: {exc}") from exc
    return pattern
