"""Labels of discovered targets: their names, addresses, and the group of one target."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from model.labels import Labels
from scraper.discovery.groups import TargetGroup

ADDRESS = "__address__"

_INVALID = re.compile("[^a-zA-Z0-9_]")


@lru_cache(maxsize=65_536)
def sanitized(name: str) -> str:
    """Return a name with each character that labels may not have replaced by `_`."""
    return _INVALID.sub("_", name)


def host_port(host: str, port: int | str) -> str:
    """Return HOST:PORT, an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def prefixed(prefix: str, values: Mapping[str, str | None]) -> dict[str, str]:
    """Return labels whose names begin with `prefix`; None means no label."""
    return {f"{prefix}{name}": value for name, value in values.items() if value is not None}


def labels_of_map(prefix: str, values: Mapping[str, str]) -> dict[str, str]:
    """Return a label for each entry of a map, such as an object's labels."""
    return {f"{prefix}{sanitized(name)}": value for name, value in values.items()}


def boolean(value: bool) -> str:
    """Return `true` or `false`."""
    return "true" if value else "false"


def joined(values: Iterable[str], separator: str) -> str:
    """Return values between separators, also at both ends; "" without values.

    Rules can match `,value,` without regard to the position.
    """
    inner = separator.join(values)
    return f"{separator}{inner}{separator}" if inner else ""


def target(labels: Mapping[str, str]) -> TargetGroup:
    """Return the group of one target, whose address is the label `__address__`."""
    rest = {name: value for name, value in labels.items() if name != ADDRESS}
    return TargetGroup((labels[ADDRESS],), Labels.of(rest))
