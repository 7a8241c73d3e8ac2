"""The PromQL of host checks.

A usage check is one expression that gives a percentage for every host; thresholds are
compared afterwards. So the fleet costs one query a check, whatever hosts override.

Names are node_exporter's. Source of the expressions' shape: the node-exporter mixin of
the Prometheus project, docs/node-mixin/alerts/alerts.libsonnet.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from alerting.checks.checks import CheckName, HostCheck, host_check
from alerting.settings import DiskSettings, HostCheckSettings
from model.durations import format_duration
from model.labels import quote
from storage.api.alerts import CheckOverride, Severity

_META = re.compile(r"[\\.+*?()|\[\]{}^$]")


def usage_expression(settings: HostCheckSettings, check: CheckName, matchers: str = "") -> str:
    """Return the PromQL of a usage check: percent, by host (and filesystem).

    Args:
        settings: the checks' settings.
        check: one with thresholds.
        matchers: narrows it to some hosts, as inside a selector's braces.
    """

    def selector(metric: str, *own: str) -> str:
        inner = ",".join(part for part in (*own, matchers) if part)
        return f"{metric}{{{inner}}}" if inner else metric

    match check:
        case CheckName.CPU:
            # Two of the eight modes are read: what is neither idle nor waiting is busy.
            idle = selector("node_cpu_seconds_total", 'mode=~"idle|iowait"')
            rate = f"rate({idle}[{format_duration(settings.cpu.window_ms)}])"
            return f"100 - 100 * sum without (mode) (avg without (cpu) ({rate}))"
        case CheckName.MEMORY:
            available = selector("node_memory_MemAvailable_bytes")
            return f"100 - 100 * {available} / {selector('node_memory_MemTotal_bytes')}"
        case CheckName.DISK:
            real = _real_filesystems(settings.disk)
            available = selector("node_filesystem_avail_bytes", *real)
            size = selector("node_filesystem_size_bytes", *real)
            return f"100 - 100 * {available} / ({size} > 0)"
        case CheckName.DOWN:
            raise ValueError("down is no usage")


def _real_filesystems(disk: DiskSettings) -> tuple[str, str]:
    return (
        f"fstype!~{quote(disk.ignored_fstypes)}",
        f"mountpoint!~{quote(disk.ignored_mountpoints)}",
    )


def condition(
    settings: HostCheckSettings, check: HostCheck, severity: Severity, matchers: str = ""
) -> str:
    """Return the PromQL condition of a check's alert: what it means, for people and graphs."""
    if check.check is CheckName.DOWN:
        return f"up{{{matchers}}} == 0" if matchers else "up == 0"
    usage = usage_expression(settings, check.check, matchers)
    return f"{usage} > {check.threshold(severity):g}"


def host_matchers(job: str, instance: str) -> str:
    """Return the matchers of one host."""
    return f"job={quote(job)},instance={quote(instance)}"


@dataclass(frozen=True, slots=True)
class FleetCheck:
    """A check as it applies to all hosts with the same settings.

    Attributes:
        check: the settings.
        instances: the hosts with settings of their own; empty for the defaults.
        matchers: PromQL matchers that select these hosts, "" for every host.
    """

    check: HostCheck
    instances: tuple[str, ...]
    matchers: str


def fleet_checks(
    settings: HostCheckSettings, overrides: Iterable[CheckOverride]
) -> list[FleetCheck]:
    """Return every check that is on, once for each group of hosts with the same settings."""
    groups: dict[HostCheck, list[str]] = {}
    apart: dict[CheckName, list[str]] = {name: [] for name in CheckName}
    for override in overrides:
        name = CheckName(override.check)
        groups.setdefault(host_check(settings, name, override), []).append(override.instance)
        apart[name].append(override.instance)
    result = []
    for name in CheckName:
        others = f"instance!~{quote(_alternation(apart[name]))}" if apart[name] else ""
        result.append(FleetCheck(host_check(settings, name), (), others))
        result += [
            FleetCheck(check, tuple(instances), f"instance=~{quote(_alternation(instances))}")
            for check, instances in groups.items()
            if check.check is name
        ]
    return [group for group in result if group.check.enabled]


def _alternation(instances: Iterable[str]) -> str:
    # Only what must be escaped: re2.escape would write web\-1\:9100, and people read this.
    return "|".join(sorted(_META.sub(r"\\\g<0>", instance) for instance in instances))
