"""The PromQL of host checks.

A usage check is one expression that returns a percentage for every host; thresholds are
compared afterwards. So each check costs one query, however many hosts have overrides.

The metrics are node_exporter's. Source of the expressions: the node-exporter mixin of
the Prometheus project, docs/node-mixin/alerts/alerts.libsonnet.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from alerting.check_settings import CheckName, DiskSettings, HostCheckSettings
from alerting.checks.cpu_usage import CpuUsage
from alerting.checks.host_check import HostCheck, host_check
from model.labels import quote
from storage.api.alerts import CheckOverride, Severity

_METACHARACTER = re.compile(r"[\\.+*?()|\[\]{}^$]")


def usage_expression(settings: HostCheckSettings, check: CheckName, matchers: str = "") -> str:
    """Return the PromQL of a usage check: percent for each host, or each filesystem.

    Args:
        settings: the settings of the checks.
        check: a check with thresholds.
        matchers: selects some of the hosts; written as inside a selector's braces.
    """

    def selector(metric: str, *own: str) -> str:
        inner = ",".join(part for part in (*own, matchers) if part)
        return f"{metric}{{{inner}}}" if inner else metric

    match check:
        case CheckName.CPU:
            return CpuUsage(settings.cpu.window_ms, ("job", "instance"), matchers).used(100)
        case CheckName.MEMORY:
            available = selector("node_memory_MemAvailable_bytes")
            return f"100 - 100 * {available} / {selector('node_memory_MemTotal_bytes')}"
        case CheckName.DISK:
            real = _real_filesystems(settings.disk)
            available = selector("node_filesystem_avail_bytes", *real)
            size = selector("node_filesystem_size_bytes", *real)
            return f"100 - 100 * {available} / ({size} > 0)"
        case CheckName.DOWN:
            raise ValueError("the check `down` has no usage")


def _real_filesystems(disk: DiskSettings) -> tuple[str, str]:
    return (
        f"fstype!~{quote(disk.ignored_fstypes)}",
        f"mountpoint!~{quote(disk.ignored_mountpoints)}",
    )


def alert_expression(
    settings: HostCheckSettings, check: HostCheck, severity: Severity, matchers: str = ""
) -> str:
    """Return the PromQL condition of a check's alert, for people and graphs."""
    if check.check is CheckName.DOWN:
        return f"up{{{matchers}}} == 0" if matchers else "up == 0"
    usage = usage_expression(settings, check.check, matchers)
    return f"{usage} > {check.threshold(severity):g}"


def host_matchers(job: str, instance: str) -> str:
    """Return the matchers of one host."""
    return f"job={quote(job)},instance={quote(instance)}"


@dataclass(frozen=True, slots=True)
class CheckVariant:
    """A check with one set of settings, and the hosts that have them.

    Attributes:
        check: the check with these settings.
        instances: the hosts with overrides; empty for the defaults.
        matchers: PromQL matchers that select the hosts, "" for every host.
    """

    check: HostCheck
    instances: tuple[str, ...]
    matchers: str


def check_variants(
    settings: HostCheckSettings, overrides: Iterable[CheckOverride]
) -> list[CheckVariant]:
    """Return the enabled checks, one for each distinct settings."""
    groups: dict[HostCheck, list[str]] = {}
    excluded: dict[CheckName, list[str]] = {name: [] for name in CheckName}
    for override in overrides:
        name = CheckName(override.check)
        groups.setdefault(host_check(settings, name, override), []).append(override.instance)
        excluded[name].append(override.instance)
    result = []
    for name in CheckName:
        remaining = f"instance!~{quote(_alternation(excluded[name]))}" if excluded[name] else ""
        result.append(CheckVariant(host_check(settings, name), (), remaining))
        result += [
            CheckVariant(check, tuple(instances), f"instance=~{quote(_alternation(instances))}")
            for check, instances in groups.items()
            if check.check is name
        ]
    return [group for group in result if group.check.enabled]


def _alternation(instances: Iterable[str]) -> str:
    # People read this: re2.escape would write web\-1\:9100.
    return "|".join(sorted(_METACHARACTER.sub(r"\\\g<0>", instance) for instance in instances))
