"""Random codes that people copy by hand."""

import secrets
from typing import Final

# Without 0/O and 1/l/i.
_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"


def readable_code(groups: int, group_length: int) -> str:
    """Return a random code in groups joined by dashes; each character has 4.95 bits."""
    return "-".join(
        "".join(secrets.choice(_ALPHABET) for _ in range(group_length)) for _ in range(groups)
    )
