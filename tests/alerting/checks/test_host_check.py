import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from alerting.checks.host_check import host_check
from alerting.checks.overrides import validate_override
from alerting.checks.queries import (
    _alternation,
    alert_expression,
    check_variants,
    host_matchers,
    usage_expression,
)
from alerting.checks.registry import HostCheckRegistry
from alerting.errors import BadOverrideError
from alerting.settings import CheckName, HostCheckSettings
from storage.api.alerts import CheckOverride, Severity

SETTINGS = HostCheckSettings()
HOST = "web-1:9100"
WARNING, CRITICAL = Severity.WARNING, Severity.CRITICAL


def cpu(**own: float | bool) -> CheckOverride:
    return CheckOverride(HOST, "cpu", **own)  # type: ignore[arg-type]


def test_defaults_have_a_warning_a_critical_alert_and_recover_five_points_lower() -> None:
    check = host_check(SETTINGS, CheckName.CPU)
    assert check.severities == (CRITICAL, WARNING)
    assert [check.threshold(severity) for severity in check.severities] == [95, 85]
    assert [check.recovery_of(severity) for severity in check.severities] == [90, 80]
    assert check.timing.for_ms == 300_000


def test_down_is_critical_and_has_no_threshold() -> None:
    check = host_check(SETTINGS, CheckName.DOWN)
    assert check.severities == (CRITICAL,)
    assert check.threshold(CRITICAL) is None


@pytest.mark.parametrize(
    ("override", "warning", "critical", "recoveries"),
    [
        (cpu(warning=70.0), 70, 95, [90, 65]),
        (cpu(warning=90.0, critical=99.0), 90, 99, [94, 85]),
        (cpu(recovery=60.0), 85, 95, [70, 60]),
        (cpu(warning=2.0), 2, 95, [93, 0]),
    ],
)
def test_override_is_laid_over_the_defaults(
    override: CheckOverride, warning: float, critical: float, recoveries: list[float]
) -> None:
    check = host_check(SETTINGS, CheckName.CPU, override)
    assert (check.warning, check.critical, check.overridden) == (warning, critical, True)
    assert [check.recovery_of(severity) for severity in (CRITICAL, WARNING)] == recoveries


def test_override_changes_the_wait_and_switches_off() -> None:
    assert host_check(SETTINGS, CheckName.CPU, cpu(for_s=2.5)).timing.for_ms == 2_500
    assert host_check(SETTINGS, CheckName.CPU, cpu(enabled=False)).severities == ()


PERCENT = st.none() | st.floats(0, 100)


@given(PERCENT, PERCENT, PERCENT, PERCENT)
def test_any_override_over_any_defaults_gives_ordered_thresholds(
    warning: float | None, critical: float | None, recovery: float | None, default: float | None
) -> None:
    values = {"warning": default if default is None else max(default, 80.0)}
    settings = HostCheckSettings.model_validate({"cpu": {**values, "critical": 100}})
    override = CheckOverride(HOST, "cpu", warning=warning, critical=critical, recovery=recovery)
    check = host_check(settings, CheckName.CPU, override)
    for severity in check.severities:
        threshold = check.threshold(severity)
        assert threshold is not None
        assert 0 <= check.recovery_of(severity) <= threshold <= 100
    if check.warning is not None and check.critical is not None:
        assert check.warning <= check.critical


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (CheckOverride(HOST, "swap"), "check: 'swap' is none of down, cpu, memory, disk"),
        (CheckOverride("", "cpu"), "instance: must not be empty"),
        (CheckOverride(HOST, "down", warning=5.0), "warning: down has no thresholds"),
        (cpu(warning=101.0), "warning: must be between 0 and 100"),
        (cpu(recovery=float("nan")), "recovery: must be between 0 and 100"),
        (cpu(for_s=-1.0), "for_s: must be between"),
        (cpu(warning=96.0), "warning: warning 96 is above critical 95"),
        (cpu(critical=80.0), "critical: warning 85 is above critical 80"),
        (cpu(recovery=90.0), "recovery: is above the threshold 85"),
    ],
)
def test_override_that_makes_no_sense_is_refused_by_field(
    override: CheckOverride, message: str
) -> None:
    with pytest.raises(BadOverrideError, match=message):
        validate_override(SETTINGS, override)


def test_override_that_makes_sense_is_taken() -> None:
    override = cpu(warning=50.0, critical=60.0, recovery=40.0, for_s=0.0)
    assert validate_override(SETTINGS, override) is CheckName.CPU
    down = CheckOverride(HOST, "down", for_s=10.0)
    assert validate_override(SETTINGS, down) is CheckName.DOWN


def test_registry_returns_a_host_to_the_defaults() -> None:
    registry = HostCheckRegistry(SETTINGS)
    registry.set_override(cpu(warning=50.0))
    assert registry.check_of(HOST, CheckName.CPU).warning == 50
    assert registry.check_of("other", CheckName.CPU).warning == 85
    registry.remove_override(HOST, CheckName.CPU)
    registry.remove_override(HOST, CheckName.CPU)
    assert registry.check_of(HOST, CheckName.CPU).warning == 85
    assert registry.overrides == []


def test_expressions_are_node_exporters() -> None:
    assert usage_expression(SETTINGS, CheckName.CPU) == (
        "100 - 100 * sum without (mode) (avg without (cpu)"
        ' (rate(node_cpu_seconds_total{mode=~"idle|iowait"}[5m])))'
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


def test_conditions_are_whole_expressions() -> None:
    down = host_check(SETTINGS, CheckName.DOWN)
    memory = host_check(SETTINGS, CheckName.MEMORY)
    assert alert_expression(SETTINGS, down, CRITICAL) == "up == 0"
    assert alert_expression(SETTINGS, down, CRITICAL, 'job="a"') == 'up{job="a"} == 0'
    assert alert_expression(SETTINGS, memory, WARNING).endswith("node_memory_MemTotal_bytes > 85")


def test_hosts_of_the_same_settings_share_one_rule() -> None:
    overrides = [
        CheckOverride("b:1", "cpu", warning=50.0),
        CheckOverride("a.x:1", "cpu", warning=50.0),
        CheckOverride("c:1", "cpu", enabled=False),
    ]
    groups = [g for g in check_variants(SETTINGS, overrides) if g.check.check is CheckName.CPU]
    assert [group.matchers for group in groups] == [
        r'instance!~"a\\.x:1|b:1|c:1"',
        r'instance=~"a\\.x:1|b:1"',
    ]
    assert groups[1].check.warning == 50
    assert len(check_variants(SETTINGS, [])) == 4


@given(st.lists(st.text(min_size=1), min_size=1, unique=True))
def test_alternation_matches_its_instances_and_no_others(instances: list[str]) -> None:
    overrides = [CheckOverride(instance, "cpu", warning=50.0) for instance in instances]
    pattern = check_variants(SETTINGS, overrides)[2].matchers
    assert pattern.startswith("instance=~")
    compiled = re2.compile(_alternation(instances))
    assert all(compiled.fullmatch(instance) for instance in instances)
    assert not compiled.fullmatch("".join(instances) + "x")
