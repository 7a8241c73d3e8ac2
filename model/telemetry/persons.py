"""Attributes that name the person who works with a coding agent.

`analytics` reads the developer of a session from them, and `ingest` replaces addresses in the
labels of series; neither imports the other.

Sources: OpenTelemetry semantic conventions, "User"; Claude Code, "Monitoring".
"""

from collections.abc import Awaitable, Callable
from typing import Final

PERSON_ATTRIBUTES: Final = (
    *("developer", "developer.id", "enduser.id"),
    *("user.email", "user.name", "user.account_uuid", "user.account_id", "user.id"),
)
"""The first that has a value names the developer."""

AGENT_PREFIXES: Final = (
    *("claude_code", "codex", "gemini_cli", "copilot_chat", "github.copilot", "opencode"),
    "gen_ai",
)
"""What the names of coding agents' metrics begin with."""

PseudonymOf = Callable[[str], str]
"""Returns the lasting pseudonym of an address; any thread may call it."""

PseudonymSource = Callable[[], Awaitable[PseudonymOf]]
"""Reads the key of the pseudonyms."""


def is_address(attribute: str, text: str) -> bool:
    """Report whether the value of an attribute is a person's e-mail address."""
    return "@" in text and (attribute in PERSON_ATTRIBUTES or attribute.endswith("email"))
