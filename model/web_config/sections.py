"""Sections of a YAML document, read strictly; errors name file, line and key."""

from collections.abc import Callable
from functools import partial
from typing import Any

from model.web_config.errors import WebConfigError


class WebConfigSection:
    """A mapping of the document; each key must be read, or it is unknown."""

    def __init__(self, node: Any, file: str, name: str) -> None:
        self._file, self._name = file, name
        self._line = node.start_mark.line + 1 if node is not None else 0
        self._read: set[str] = set()
        self._nodes: dict[str, Any] = {}
        self._lines: dict[str, int] = {}
        if node is None or _is_null(node):
            return
        if not isinstance(node.value, list) or node.id != "mapping":
            raise self.error("", "is not a mapping of keys to values")
        for key_node, value_node in node.value:
            if key_node.id != "scalar":
                raise self.error("", "a key must be plain text")
            key = str(key_node.value)
            self._lines[key] = key_node.start_mark.line + 1
            if key in self._nodes:
                raise self.error(key, "stands twice")
            self._nodes[key] = value_node

    def error(self, key: str, problem: str) -> WebConfigError:
        """Return the error of a key."""
        line = self._lines.get(key.partition(".")[0], self._line)
        where = f"{self._file}:{line}" if line else self._file
        place = ".".join(filter(None, (self._name, key)))
        return WebConfigError(f"{where}: {place}: {problem}" if place else f"{where}: {problem}")

    def section(self, key: str) -> "WebConfigSection":
        """Return a section of the mapping."""
        return WebConfigSection(
            self._take(key), self._file, ".".join(filter(None, (self._name, key)))
        )

    def value(self, key: str, read: Callable[[str], Any], default: Any) -> Any:
        """Return what `read` makes of a text, or the default."""
        node = self._take(key)
        if node is None:
            return default
        return self._converted(key, node, read)

    def values(self, key: str, read: Callable[[str], Any]) -> tuple[Any, ...]:
        """Return what `read` makes of each text of a list."""
        node = self._take(key)
        if node is None:
            return ()
        if node.id != "sequence":
            raise self.error(key, "is not a list")
        return tuple(self._converted(key, item, read) for item in node.value)

    def texts_by_name(self, key: str, read: Callable[[str, str], str]) -> dict[str, str]:
        """Return what `read` makes of each name and text of a mapping."""
        return self.section(key).named_texts(read)

    def named_texts(self, read: Callable[[str, str], str]) -> dict[str, str]:
        """Return what `read` makes of each key and text of this mapping."""
        return {
            name: self._converted(name, None if _is_null(node) else node, partial(read, name))
            for name, node in self._nodes.items()
        }

    def refuse_others(self) -> None:
        """Refuse the keys that were not read.

        Raises:
            WebConfigError: there is one.
        """
        for key in self._nodes:
            if key not in self._read:
                raise self.error(key, "unknown key")

    def _take(self, key: str) -> Any:
        self._read.add(key)
        node = self._nodes.get(key)
        return None if node is None or _is_null(node) else node

    def _converted(self, key: str, node: Any, read: Callable[[str], Any]) -> Any:
        if node is not None and node.id != "scalar":
            raise self.error(key, "is not plain text")
        try:
            return read("" if node is None else str(node.value))
        except ValueError as exc:
            raise self.error(key, str(exc)) from exc


def _is_null(node: Any) -> bool:
    return bool(node.tag == "tag:yaml.org,2002:null")
