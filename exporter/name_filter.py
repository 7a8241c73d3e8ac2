"""Filters of names by an include and an exclude pattern, as node_exporter's options give them."""

from __future__ import annotations

import re

from exporter.errors import PatternError


class NameFilter:
    """Accepts the names that match `include` and do not match `exclude`.

    Args:
        include: regular expression, searched for in a name; "" accepts every name.
        exclude: regular expression of the names to refuse; "" refuses none.

    Raises:
        PatternError: one of them is not a regular expression.
    """

    __slots__ = ("_exclude", "_include")

    def __init__(self, include: str = "", exclude: str = "") -> None:
        self._include, self._exclude = compiled(include), compiled(exclude)

    def accepts(self, name: str) -> bool:
        """Return whether the filter accepts a name."""
        if self._exclude is not None and self._exclude.search(name):
            return False
        return self._include is None or self._include.search(name) is not None


def compiled(pattern: str) -> re.Pattern[str] | None:
    """Return a compiled pattern, None for "".

    Raises:
        PatternError: the text is not a regular expression.
    """
    try:
        return re.compile(pattern) if pattern else None
    except re.error as exc:
        raise PatternError(pattern, str(exc)) from exc


ALL_NAMES = NameFilter()
"""The filter that accepts every name."""
