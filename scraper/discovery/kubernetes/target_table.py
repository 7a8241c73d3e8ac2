"""The objects of a cluster and the target groups made of them."""

from collections import defaultdict

from scraper.discovery.engine.target_labels import target
from scraper.discovery.groups import TargetGroup
from scraper.discovery.kubernetes.objects import KubernetesObject
from scraper.discovery.kubernetes.resources import targets_of

_Reference = tuple[str, str]
"""The name of a resource and the key of one of its objects."""


class TargetTable:
    """Objects by resource, and the groups of the objects that become targets.

    A change marks only the groups that depend on the object; `groups` makes those anew.
    """

    def __init__(self, primary: str, *, attach_node: bool = False) -> None:
        """Prepare an empty table; the objects of the resource `primary` become targets."""
        self._primary, self._attach_node = primary, attach_node
        self._objects: dict[str, dict[str, KubernetesObject]] = defaultdict(dict)
        self._groups: dict[str, tuple[TargetGroup, ...]] = {}
        self._uses: dict[str, set[_Reference]] = {}
        self._used_by: dict[_Reference, set[str]] = defaultdict(set)
        self._outdated: set[str] = set()

    def keys(self, resource: str) -> set[str]:
        """Return the keys of a resource's objects."""
        return set(self._objects[resource])

    def put(self, resource: str, key: str, found: KubernetesObject | None) -> bool:
        """Add or replace an object, or remove it with None; return whether groups change."""
        objects = self._objects[resource]
        if objects.get(key) == found:
            return False
        if found is None:
            del objects[key]
        else:
            objects[key] = found
        before = len(self._outdated)
        if resource == self._primary:
            self._outdated.add(key)
        self._outdated |= self._used_by.get((resource, key), set())
        return len(self._outdated) > before

    def groups(self) -> list[TargetGroup]:
        """Return all groups, in the order in which their objects were first seen."""
        for key in self._outdated:
            self._update(key)
        self._outdated.clear()
        return [group for groups in self._groups.values() for group in groups]

    def _update(self, key: str) -> None:
        for reference in self._uses.pop(key, ()):
            self._used_by[reference].discard(key)
            if not self._used_by[reference]:
                del self._used_by[reference]
        found = self._objects[self._primary].get(key)
        if found is None:
            self._groups.pop(key, None)
            return
        uses: set[_Reference] = set()

        def find(resource: str, other: str) -> KubernetesObject | None:
            uses.add((resource, other))
            return self._objects[resource].get(other)

        self._groups[key] = tuple(
            target(labels) for labels in targets_of(found, find, attach_node=self._attach_node)
        )
        if uses:
            self._uses[key] = uses
            for reference in uses:
                self._used_by[reference].add(key)
