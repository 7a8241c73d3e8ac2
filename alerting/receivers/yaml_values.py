"""Values in YAML, as Go's library reads them: numbers, truth values, mappings and lists."""

import re
from typing import Any

import yaml

_KEPT_TAGS = ("null", "bool", "int", "float", "merge")
_SEXAGESIMAL = re.compile(r"[-+]?[0-9_]+(:[0-5]?[0-9])+(\.[0-9_]*)?")
_MOST = 1_000_000


class _ValueLoader(yaml.CSafeLoader):
    """Times stay texts, as in Go."""


_ValueLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag.rpartition(":")[2] in _KEPT_TAGS]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


def yaml_value(text: str) -> Any:
    """Return the value that a text is in YAML; a text that is no YAML is itself."""
    if len(text) > _MOST or ("&" in text and "*" in text):
        # Aliases of aliases could grow beyond the memory.
        return text
    if _SEXAGESIMAL.fullmatch(text.strip()):
        return text
    try:
        return yaml.load(text, _ValueLoader)  # noqa: S506 - a subclass of the safe loader
    except (yaml.YAMLError, ValueError):
        return text
