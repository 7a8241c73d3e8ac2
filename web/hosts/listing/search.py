"""The search of the hosts page: words, and conditions on labels such as `env=prod`."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from web.fleet.hosts import FleetHost

LONGEST_SEARCH: Final = 200

_PART: Final = re.compile(r'(?:[^\s"]|"[^"]*(?:"|$))+')
_CONDITION: Final = re.compile(r"([a-zA-Z_][a-zA-Z0-9_]*)(!?=)(.*)", re.ASCII | re.DOTALL)


@dataclass(frozen=True, slots=True)
class HostSearch:
    """A search; a host must meet all of its parts.

    - `web`: the name, the instance or the value of a label contains it.
    - `env=prod`: the label has this value; `*` stands for any text, and a value with blanks
      is quoted: `site="new york"`. `name` and `instance` are the host's own.
    - `env!=prod`: it has another value, or the host has no such label.

    Capitals do not matter.
    """

    words: tuple[str, ...] = ()
    conditions: tuple[Callable[[FleetHost], bool], ...] = ()

    @classmethod
    def parse(cls, text: str) -> "HostSearch":
        """Return the search that a text stands for; any text is valid."""
        words: list[str] = []
        conditions: list[Callable[[FleetHost], bool]] = []
        for part in _PART.findall(text[:LONGEST_SEARCH]):
            condition = _CONDITION.fullmatch(part)
            if condition is None or condition[1].startswith('"'):
                words.append(part.replace('"', "").casefold())
            else:
                conditions.append(_condition(*condition.groups()))
        return cls(tuple(filter(None, words)), tuple(conditions))

    def matches(self, host: FleetHost) -> bool:
        """Return whether a host meets the search."""
        if not all(condition(host) for condition in self.conditions):
            return False
        if not self.words:
            return True
        texts = [host.name.casefold(), host.instance.casefold()]
        texts += [value.casefold() for _, value in host.labels]
        return all(any(word in text for text in texts) for word in self.words)


def label_of(host: FleetHost, name: str) -> str:
    """Return a label's value, with `name` for the host's name; "" for none."""
    if name == "name":
        return host.name
    return host.instance if name == "instance" else host.labels.get(name)


def _condition(name: str, operator: str, value: str) -> Callable[[FleetHost], bool]:
    parts = (re.escape(part) for part in value.replace('"', "").casefold().split("*"))
    pattern, wanted = re.compile(".*".join(parts), re.DOTALL), operator == "="

    def holds(host: FleetHost) -> bool:
        return (pattern.fullmatch(label_of(host, name).casefold()) is not None) is wanted

    return holds
