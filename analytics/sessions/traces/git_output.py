"""Finds commits and pull requests in what git and gh print."""

import re
from typing import Final

_COMMIT: Final = re.compile(
    r"^\[[^\]\n]{1,200} (?:\([a-z-]{1,30}\) )?([0-9a-f]{7,40})\] ", re.MULTILINE
)
_PULL_REQUEST: Final = re.compile(
    r"https://[\w.-]{1,100}/([\w.-]{1,100}/[\w.-]{1,100})/pull/\d{1,9}\b"
)


def commits_in(command: str, output: object) -> list[str]:
    """Return the ids of the commits that a shell command made."""
    if "commit" not in command or not isinstance(output, str):
        return []
    return _COMMIT.findall(output)


def pull_requests_in(command: str, output: object) -> list[str]:
    """Return the URLs of the pull requests that a shell command opened."""
    if "pr create" not in command or not isinstance(output, str):
        return []
    return [found.group() for found in _PULL_REQUEST.finditer(output)]
