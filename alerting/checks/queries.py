"""The PromQL of host checks, and the sets of hosts that have the same settings.

A check is one expression that returns a value for every host, or for parts of it;
thresholds are compared afterwards. So each check costs one query, however many hosts have
overrides.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from alerting.check_settings import CheckName, HostCheckSettings
from alerting.checks.host_check import HostCheck, host_check
from alerting.checks.kinds import KINDS
from model.labels import quote
from storage.api.alerts import Severity

_METACHARACTER = re.compile(r"[\\.+*?()|\[\]{}^$]")


def usage_expression(settings: HostCheckSettings, check: CheckName, matchers: str = "") -> str:
    """Return the PromQL of what a check measures; its thresholds are compared afterwards.

    Args:
        settings: the settings of the checks.
        check: any but `down`.
        matchers: selects some of the hosts; written as inside a selector's braces.
    """
    expression = KINDS[check].expression
    if expression is None:
        raise ValueError(f"the check `{check}` has no expression")
    return expression(settings, matchers)


def alert_expression(
    settings: HostCheckSettings, check: HostCheck, severity: Severity, matchers: str = ""
) -> str:
    """Return the PromQL condition of a check's alert, for people and graphs."""
    if check.check is CheckName.DOWN:
        return f"up{{{matchers}}} == 0" if matchers else "up == 0"
    measured = usage_expression(settings, check.check, matchers)
    threshold = check.threshold(severity)
    operator = "<" if check.kind.falling else ">"
    return f"{measured} {operator} {check.least() if threshold is None else threshold:g}"


def recovery_expression(
    settings: HostCheckSettings, check: HostCheck, severity: Severity, matchers: str = ""
) -> str:
    """Return the PromQL that holds while a firing alert has not recovered, "" for the condition."""
    if check.check is CheckName.DOWN:
        return ""
    measured = usage_expression(settings, check.check, matchers)
    if check.threshold(severity) is not None:
        operator = "<=" if check.kind.falling else ">="
        return f"{measured} {operator} {check.recovery_of(severity):g}"
    return f"{measured} > 0" if check.least() > 0 else ""


def host_matchers(job: str, instance: str) -> str:
    """Return the matchers of one host."""
    return f"job={quote(job)},instance={quote(instance)}"


@dataclass(frozen=True, slots=True)
class CheckVariant:
    """A check with one set of settings, and the hosts that have them.

    Attributes:
        check: the check with these settings.
        instances: the hosts with settings that differ; empty for the defaults.
        matchers: PromQL matchers that select the hosts, "" for every host.
    """

    check: HostCheck
    instances: tuple[str, ...]
    matchers: str


def check_variants(
    settings: HostCheckSettings, own: Mapping[tuple[str, CheckName], HostCheck]
) -> list[CheckVariant]:
    """Return the enabled checks, one for each distinct settings.

    Args:
        settings: the defaults.
        own: the checks that differ from them, by `instance` and check.
    """
    groups: dict[HostCheck, list[str]] = {}
    excluded: dict[CheckName, list[str]] = {name: [] for name in CheckName}
    for (instance, name), check in own.items():
        groups.setdefault(check, []).append(instance)
        excluded[name].append(instance)
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
