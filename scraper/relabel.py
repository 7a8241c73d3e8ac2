"""Relabelling: rules that rewrite, keep or drop label sets.

Rules apply to discovered targets, and to scraped series before they are stored.

Source: Prometheus documentation, "Configuration", relabel_config.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from model.matchers import compile_pattern

DEFAULT_REGEX = "(.*)"
DEFAULT_REPLACEMENT = "$1"
DEFAULT_SEPARATOR = ";"

_VARIABLE = re.compile(r"\$(?:(\$)|(\w+)|\{(\w+)\})")


class RelabelAction(StrEnum):
    """The actions of rules, by Prometheus's names."""

    REPLACE = "replace"
    KEEP = "keep"
    DROP = "drop"
    KEEP_EQUAL = "keepequal"
    DROP_EQUAL = "dropequal"
    HASH_MOD = "hashmod"
    LABEL_MAP = "labelmap"
    LABEL_DROP = "labeldrop"
    LABEL_KEEP = "labelkeep"
    LOWERCASE = "lowercase"
    UPPERCASE = "uppercase"


@dataclass(frozen=True, slots=True)
class RelabelRule:
    """One relabelling rule; the defaults are Prometheus's."""

    action: RelabelAction = RelabelAction.REPLACE
    source_labels: tuple[str, ...] = ()
    separator: str = DEFAULT_SEPARATOR
    regex: str = DEFAULT_REGEX
    modulus: int = 0
    target_label: str = ""
    replacement: str = DEFAULT_REPLACEMENT
    _pattern: Any = field(default=None, init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Compile the regular expression.

        Raises:
            BadPatternError: the expression is not valid RE2.
        """
        object.__setattr__(self, "_pattern", compile_pattern(self.regex))

    def apply(self, labels: dict[str, str]) -> bool:
        """Rewrite `labels` in place; return whether the label set is kept."""
        value = self.separator.join([labels.get(name, "") for name in self.source_labels])
        match self.action:
            case RelabelAction.KEEP:
                return self._pattern.fullmatch(value) is not None
            case RelabelAction.DROP:
                return self._pattern.fullmatch(value) is None
            case RelabelAction.KEEP_EQUAL:
                return labels.get(self.target_label, "") == value
            case RelabelAction.DROP_EQUAL:
                return labels.get(self.target_label, "") != value
            case RelabelAction.LABEL_MAP | RelabelAction.LABEL_DROP | RelabelAction.LABEL_KEEP:
                self._apply_to_names(labels)
            case RelabelAction.REPLACE:
                self._replace(labels, value)
            case _:
                _set(labels, self.target_label, self._transformed(value))
        return True

    def __str__(self) -> str:
        """Return the condition of a keep or drop rule, for messages."""
        labels = ", ".join(self.source_labels)
        if self.action in (RelabelAction.KEEP_EQUAL, RelabelAction.DROP_EQUAL):
            return f"{self.action} [{labels}] equal to {self.target_label}"
        return f"{self.action} [{labels}] matching {self.regex}"

    def _transformed(self, value: str) -> str:
        if self.action is RelabelAction.HASH_MOD:
            digest = hashlib.md5(value.encode(), usedforsecurity=False).digest()
            return str(int.from_bytes(digest[8:], "big") % self.modulus)
        return value.lower() if self.action is RelabelAction.LOWERCASE else value.upper()

    def _replace(self, labels: dict[str, str], value: str) -> None:
        match = self._pattern.fullmatch(value)
        if match is None:
            return
        target = self._expand(self.target_label, match)
        if target:
            _set(labels, target, self._expand(self.replacement, match))

    def _apply_to_names(self, labels: dict[str, str]) -> None:
        for name, value in list(labels.items()):
            match = self._pattern.fullmatch(name)
            if self.action is RelabelAction.LABEL_MAP:
                copy = "" if match is None else self._expand(self.replacement, match)
                if copy:
                    _set(labels, copy, value)
            elif (match is None) == (self.action is RelabelAction.LABEL_KEEP):
                del labels[name]

    def _expand(self, template: str, match: Any) -> str:
        """Replace `$1`, `${1}` and `${name}` by the match's groups; unknown groups are empty."""
        if "$" not in template:
            return template

        def group(variable: re.Match[str]) -> str:
            if variable[1]:
                return "$"
            name = variable[2] or variable[3]
            if name.isdecimal():
                index = int(name)
                return (match.group(index) or "") if index <= self._pattern.groups else ""
            return (match.group(name) or "") if name in self._pattern.groupindex else ""

        return _VARIABLE.sub(group, template)


def _set(labels: dict[str, str], name: str, value: str) -> None:
    if value:
        labels[name] = value
    else:
        labels.pop(name, None)


def relabel(labels: dict[str, str], rules: Sequence[RelabelRule]) -> bool:
    """Apply the rules in order, in place; return whether the label set is kept."""
    return dropping_rule(labels, rules) is None


def dropping_rule(labels: dict[str, str], rules: Sequence[RelabelRule]) -> int | None:
    """Apply the rules in order, in place; return the index of the rule that drops it, or None."""
    return next((index for index, rule in enumerate(rules) if not rule.apply(labels)), None)
