"""The path of a host's page, and the part of a path that names a host."""

from typing import Final
from urllib.parse import quote

HOST_KEY: Final = "{key:[^/]+}"
"""A host's record id or its instance in a path; an instance may hold any character."""


def host_path(instance: str) -> str:
    """Return the path of the page of the host with this `instance` label."""
    return f"/host/{quote(instance, safe=':@')}"
