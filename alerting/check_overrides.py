"""Host checks as they apply to each host, and the settings of single hosts for them."""

import structlog

from alerting.check_settings import CheckName
from alerting.checks.host_check import HostCheck
from alerting.checks.hosts import ListHosts
from alerting.checks.overrides import validate_override
from alerting.checks.queries import alert_expression, host_matchers
from alerting.checks.registry import HostCheckRegistry
from alerting.views import CheckView
from storage.api.alerts import CheckOverride, CheckOverrideRecords

log = structlog.get_logger(__name__)


class CheckOverrides:
    """Reads and changes the checks of hosts; the registry and the records agree."""

    def __init__(
        self, registry: HostCheckRegistry, records: CheckOverrideRecords, hosts: ListHosts
    ) -> None:
        self._registry, self._records, self._hosts = registry, records, hosts

    async def load(self) -> None:
        """Read the overrides of the records.

        Raises:
            StorageError: the records cannot be read.
        """
        for override in await self._records.overrides():
            try:
                CheckName(override.check)
            except ValueError:
                check, instance = override.check, override.instance
                log.warning("unknown_check_ignored", check=check, instance=instance)
            else:
                self._registry.set_override(override)

    def check_of(self, instance: str, check: CheckName) -> HostCheck:
        """Return a check as it applies to the host with this `instance` label."""
        return self._registry.check_of(instance, check)

    def of_host(self, instance: str) -> tuple[CheckView, ...]:
        """Return all checks as they apply to the host with this `instance` label."""
        jobs = {job for _, job, known in self._hosts() if known == instance}
        matchers = host_matchers(min(jobs, default="node"), instance)
        views = []
        for name in CheckName:
            check = self._registry.check_of(instance, name)
            conditions = {
                severity: alert_expression(self._registry.settings, check, severity, matchers)
                for severity in check.severities
            }
            views.append(CheckView(check, conditions))
        return tuple(views)

    async def put(self, override: CheckOverride) -> None:
        """Give a host its own settings for a check, from the next evaluation on.

        Raises:
            BadOverrideError: the override is invalid; it names the field.
            StorageError: the override could not be stored.
        """
        validate_override(self._registry.settings, override)
        await self._records.set_override(override)
        self._registry.set_override(override)

    async def remove(self, instance: str, check: str) -> None:
        """Return a host's check to the defaults; without an override nothing changes.

        Raises:
            BadOverrideError: there is no such check.
            StorageError: the change could not be stored.
        """
        name = validate_override(self._registry.settings, CheckOverride(instance, check))
        await self._records.remove_override(instance, check)
        self._registry.remove_override(instance, name)
