"""The checks of all hosts."""

from collections.abc import Iterable, Mapping

from alerting.check_settings import CheckName, HostCheckSettings
from alerting.checks.host_check import HostCheck, host_check
from model.labels import Labels
from model.matchers import matches_all
from promql.syntax.parser import parse_selector
from storage.api.alerts import CheckOverride


class HostCheckRegistry:
    """The default checks, those of hosts that a selector matches, and those of single hosts.

    A host's own override comes before a selector, a selector before the defaults.
    """

    def __init__(self, settings: HostCheckSettings) -> None:
        self._overrides: dict[tuple[str, CheckName], CheckOverride] = {}
        self._own: dict[tuple[str, CheckName], HostCheck] = {}
        self._labels: dict[str, Labels] = {}
        self.reconfigure(settings)

    def reconfigure(self, settings: HostCheckSettings) -> None:
        """Use other defaults and selectors; the overrides stay."""
        self.settings = settings
        self._defaults = {check: host_check(settings, check) for check in CheckName}
        self._selectors = [
            (parse_selector(item.match), settings.selected(item), tuple(item.checks))
            for item in settings.selectors
        ]
        self._rebuild()

    def observe(self, hosts: Iterable[Labels]) -> None:
        """Take the labels of all hosts, which decide which selector matches."""
        if not self._selectors:
            return
        labels = {host.get("instance"): host for host in hosts}
        if labels != self._labels:
            self._labels = labels
            self._rebuild()

    def _rebuild(self) -> None:
        self._own = {}
        for instance in self._labels:
            settings, changed = self._settings_of(instance)
            for check in changed:
                self._own[instance, check] = host_check(settings, check)
        for override in self._overrides.values():
            self._apply(override)

    def _settings_of(self, instance: str) -> tuple[HostCheckSettings, tuple[CheckName, ...]]:
        """Return the settings of a host, and which of its checks its selector changes."""
        labels = self._labels.get(instance)
        if labels is not None:
            for matchers, settings, changed in self._selectors:
                if matches_all(matchers, labels):
                    return settings, changed
        return self.settings, ()

    def _apply(self, override: CheckOverride) -> None:
        check = CheckName(override.check)
        settings, _ = self._settings_of(override.instance)
        self._own[override.instance, check] = host_check(settings, check, override)

    @property
    def own(self) -> Mapping[tuple[str, CheckName], HostCheck]:
        """The checks that differ from the defaults, by `instance` and check."""
        return self._own

    def set_override(self, override: CheckOverride) -> None:
        """Give a host its own settings for a check."""
        self._overrides[override.instance, CheckName(override.check)] = override
        self._apply(override)

    def remove_override(self, instance: str, check: CheckName) -> None:
        """Return a host's check to what its selector or the defaults say."""
        if self._overrides.pop((instance, check), None) is not None:
            self._rebuild()

    def is_used(self, check: CheckName) -> bool:
        """Return whether a check is on for any host."""
        own = (applied for (_, name), applied in self._own.items() if name is check)
        return self._defaults[check].enabled or any(applied.enabled for applied in own)

    def check_of(self, instance: str, check: CheckName) -> HostCheck:
        """Return a check as it applies to a host."""
        return self._own.get((instance, check)) or self._defaults[check]
