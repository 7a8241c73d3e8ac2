"""The checks of all hosts."""

from alerting.check_settings import CheckName, HostCheckSettings
from alerting.checks.host_check import HostCheck, host_check
from storage.api.alerts import CheckOverride


class HostCheckRegistry:
    """The default checks, and the checks of hosts with overrides."""

    def __init__(self, settings: HostCheckSettings) -> None:
        self.settings = settings
        self._defaults = {check: host_check(settings, check) for check in CheckName}
        self._overridden: dict[tuple[str, CheckName], HostCheck] = {}
        self._overrides: dict[tuple[str, CheckName], CheckOverride] = {}

    def reconfigure(self, settings: HostCheckSettings) -> None:
        """Use other defaults; the overrides stay."""
        self.settings = settings
        self._defaults = {check: host_check(settings, check) for check in CheckName}
        for override in self.overrides:
            self.set_override(override)

    @property
    def overrides(self) -> list[CheckOverride]:
        """The overrides of all hosts."""
        return list(self._overrides.values())

    def set_override(self, override: CheckOverride) -> None:
        """Give a host its own settings for a check."""
        key = override.instance, CheckName(override.check)
        self._overrides[key] = override
        self._overridden[key] = host_check(self.settings, key[1], override)

    def remove_override(self, instance: str, check: CheckName) -> None:
        """Return a host's check to the defaults."""
        self._overrides.pop((instance, check), None)
        self._overridden.pop((instance, check), None)

    def is_used(self, check: CheckName) -> bool:
        """Return whether a check is on for any host."""
        own = (applied for (_, name), applied in self._overridden.items() if name is check)
        return self._defaults[check].enabled or any(applied.enabled for applied in own)

    def check_of(self, instance: str, check: CheckName) -> HostCheck:
        """Return a check as it applies to a host."""
        return self._overridden.get((instance, check)) or self._defaults[check]
