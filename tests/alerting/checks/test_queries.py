from collections.abc import Iterable, Mapping

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from alerting.check_settings import CheckName, HostCheckSettings
from alerting.checks.host_check import HostCheck, host_check
from alerting.checks.queries import (
    alert_expression,
    check_variants,
    host_matchers,
    usage_expression,
)
from alerting.checks.registry import HostCheckRegistry
from promql.syntax.parser import parse_selector
from storage.api.alerts import CheckOverride, Severity

SETTINGS = HostCheckSettings()
WARNING, CRITICAL = Severity.WARNING, Severity.CRITICAL


def test_expressions_use_node_exporters_metrics() -> None:
    assert usage_expression(SETTINGS, CheckName.CPU).startswith(
        '100 / (1 + (sum by (job, instance) (increase(node_cpu_seconds_total{mode="idle"}[5m]))'
    )
    matchers = host_matchers("node", 'a"b')
    assert usage_expression(SETTINGS, CheckName.MEMORY, matchers) == (
        '100 - 100 * node_memory_MemAvailable_bytes{job="node",instance="a\\"b"}'
        ' / node_memory_MemTotal_bytes{job="node",instance="a\\"b"}'
    )
    disk = usage_expression(SETTINGS, CheckName.DISK)
    assert disk.startswith('100 - 100 * node_filesystem_avail_bytes{fstype!~"autofs|')
    assert disk.endswith("} > 0)")


@pytest.mark.parametrize(
    ("fstype", "mountpoint", "watched"),
    [
        ("ext4", "/", True),
        ("xfs", "/var/lib/data", True),
        ("fuse.sshfs", "/mnt/x", True),
        ("tmpfs", "/tmp", False),
        ("overlay", "/", False),
        ("squashfs", "/snap/core/1", False),
        ("fuse.lxcfs", "/x", False),
        ("ext4", "/var/lib/docker/x", False),
        ("ext4", "/run/user", False),
        ("ext4", "/running", True),
    ],
)
def test_pseudo_filesystems_are_no_disks(fstype: str, mountpoint: str, watched: bool) -> None:
    disk = SETTINGS.disk
    ignored = re2.fullmatch(disk.ignored_fstypes, fstype) is not None
    ignored |= re2.fullmatch(disk.ignored_mountpoints, mountpoint) is not None
    assert watched is not ignored


def test_alert_expression_is_the_whole_condition() -> None:
    down = host_check(SETTINGS, CheckName.DOWN)
    memory = host_check(SETTINGS, CheckName.MEMORY)
    assert alert_expression(SETTINGS, down, CRITICAL) == "up == 0"
    assert alert_expression(SETTINGS, down, CRITICAL, 'job="a"') == 'up{job="a"} == 0'
    assert alert_expression(SETTINGS, memory, WARNING).endswith("node_memory_MemTotal_bytes > 85")


def own_checks(
    overrides: Iterable[CheckOverride],
) -> Mapping[tuple[str, CheckName], HostCheck]:
    registry = HostCheckRegistry(SETTINGS)
    for override in overrides:
        registry.set_override(override)
    return registry.own


def test_hosts_with_the_same_settings_share_a_variant() -> None:
    overrides = [
        CheckOverride("b:1", "cpu", warning=50.0),
        CheckOverride("a.x:1", "cpu", warning=50.0),
        CheckOverride("c:1", "cpu", enabled=False),
    ]
    variants = check_variants(SETTINGS, own_checks(overrides))
    groups = [variant for variant in variants if variant.check.check is CheckName.CPU]
    assert [group.matchers for group in groups] == [
        r'instance!~"a\\.x:1|b:1|c:1"',
        r'instance=~"a\\.x:1|b:1"',
    ]
    assert groups[1].check.warning == 50
    names = [variant.check.check for variant in check_variants(SETTINGS, {})]
    assert names == [name for name in CheckName if name is not CheckName.REBOOT]


@given(st.lists(st.text(min_size=1), min_size=1, unique=True))
def test_matchers_of_a_variant_select_its_instances_and_no_others(instances: list[str]) -> None:
    overrides = [CheckOverride(instance, "cpu", warning=50.0) for instance in instances]
    variant = check_variants(SETTINGS, own_checks(overrides))[2]
    [matcher] = parse_selector(f"{{{variant.matchers}}}")
    assert matcher.name == "instance"
    assert all(map(matcher.matches, instances))
    assert not matcher.matches("".join(instances) + "x")
