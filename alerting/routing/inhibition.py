"""Inhibition: a firing alert mutes others, as a dead rack mutes the alerts of its hosts.

Source: Alertmanager documentation, "Configuration", inhibit_rule.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from model.labels import Labels
from model.matchers import Matcher, matches_all


@dataclass(frozen=True, slots=True)
class InhibitRule:
    """An alert that `sources` match mutes those that `targets` match.

    Attributes:
        name: the name in the file, "" for none.
        sources: all of them match the alert that mutes.
        targets: all of them match the alert that is muted.
        equal: the labels in which both alerts agree; a missing label is an empty one.
    """

    name: str
    sources: tuple[Matcher, ...]
    targets: tuple[Matcher, ...]
    equal: tuple[str, ...] = ()

    def key(self, labels: Labels) -> tuple[str, ...]:
        """Return the values that source and target must have in common."""
        return tuple(labels.get(name) for name in self.equal)


class Inhibitor:
    """The alerts that may mute others, by rule and by the labels that must be equal."""

    def __init__(self, rules: Sequence[InhibitRule]) -> None:
        self._rules = tuple(rules)
        # By rule: key of `equal` → fingerprint → labels of the source.
        self._sources: list[dict[tuple[str, ...], dict[str, Labels]]] = [{} for _ in rules]

    def add(self, fingerprint: str, labels: Labels) -> None:
        """Note an alert that fires."""
        for rule, sources in zip(self._rules, self._sources, strict=True):
            if matches_all(rule.sources, labels):
                sources.setdefault(rule.key(labels), {})[fingerprint] = labels

    def remove(self, fingerprint: str, labels: Labels) -> None:
        """Forget an alert that no longer fires."""
        for rule, sources in zip(self._rules, self._sources, strict=True):
            key = rule.key(labels)
            if fingerprint in sources.get(key, ()):
                del sources[key][fingerprint]
                if not sources[key]:
                    del sources[key]

    def inhibiting(
        self, fingerprint: str, labels: Labels, fires: Callable[[str], bool]
    ) -> tuple[InhibitRule, str] | None:
        """Return the rule that mutes an alert and the fingerprint of its source, or None.

        An alert that both sides of a rule match is not muted by another such alert.

        Args:
            fingerprint: of the alert that may be muted.
            labels: its labels.
            fires: returns whether the alert with a fingerprint fires now.
        """
        for rule, sources in zip(self._rules, self._sources, strict=True):
            found = sources.get(rule.key(labels))
            if not found or not matches_all(rule.targets, labels):
                continue
            two_sided = matches_all(rule.sources, labels)
            for source, source_labels in found.items():
                if two_sided and matches_all(rule.targets, source_labels):
                    continue
                if fires(source):
                    return rule, source
        return None
