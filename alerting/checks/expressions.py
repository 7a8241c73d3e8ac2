"""The PromQL of host checks: each expression returns one value a host, or a part of a host.

The metrics are node_exporter's. Sources: the node-exporter mixin of the Prometheus project
(docs/node-mixin/alerts/alerts.libsonnet) for usage, network and clock; the disk forecast is
ordinary least squares, its interval the standard error of the slope (see `disk_full_bounds`).

Every function takes the settings of the checks and `matchers`, which select some of the
hosts, written as inside a selector's braces.
"""

from collections.abc import Callable, Mapping
from typing import Final

from alerting.check_settings import HostCheckSettings
from alerting.checks.cpu_usage import CpuUsage
from alerting.host_check_settings import DiskSettings
from model.durations import format_duration
from model.labels import quote

Expression = Callable[[HostCheckSettings, str], str]

LONGEST_FORECAST_H: Final = 87_600
"""Ten years: a filesystem that does not fill has a finite forecast, and alerts end."""
_FORECAST_STEP: Final = "5m"
_BEFORE: Final = "1h"
"""What is wrong now and was not so long ago has begun to be wrong."""
_CERTIFICATE_ENDS: Final = "probe_ssl_earliest_cert_expiry|ssl_cert_not_after|x509_cert_not_after"


def _selector(metric: str, *matchers: str) -> str:
    inner = ",".join(part for part in matchers if part)
    return f"{metric}{{{inner}}}" if inner else metric


def cpu(settings: HostCheckSettings, matchers: str) -> str:
    """Return the usage in percent, see `CpuUsage`."""
    return CpuUsage(settings.cpu.window_ms, ("job", "instance"), matchers).used(100)


def load(_settings: HostCheckSettings, matchers: str) -> str:
    """Return the load average of five minutes, per core."""
    cores = _selector("node_cpu_seconds_total", 'mode="idle"', matchers)
    by = "job, instance"
    return (
        f"sum by ({by}) ({_selector('node_load5', matchers)}) / on ({by}) count by ({by}) ({cores})"
    )


def memory(_settings: HostCheckSettings, matchers: str) -> str:
    """Return the used memory in percent."""
    available = _selector("node_memory_MemAvailable_bytes", matchers)
    return f"100 - 100 * {available} / {_selector('node_memory_MemTotal_bytes', matchers)}"


def swap(_settings: HostCheckSettings, matchers: str) -> str:
    """Return the used swap in percent, of hosts that have swap."""
    free = _selector("node_memory_SwapFree_bytes", matchers)
    return f"100 - 100 * {free} / ({_selector('node_memory_SwapTotal_bytes', matchers)} > 0)"


def oom(settings: HostCheckSettings, matchers: str) -> str:
    """Return how many processes the kernel killed in the window, for want of memory."""
    killed = _selector("node_vmstat_oom_kill", matchers)
    return f"increase({killed}[{format_duration(settings.oom.window_ms)}])"


def disk(settings: HostCheckSettings, matchers: str) -> str:
    """Return the used space of each filesystem in percent."""
    available, size = _filesystems(settings.disk, matchers, "avail_bytes", "size_bytes")
    return f"100 - 100 * {available} / ({size} > 0)"


def inodes(settings: HostCheckSettings, matchers: str) -> str:
    """Return the used inodes of each filesystem in percent, of those that count them."""
    free, all_ = _filesystems(settings.disk, matchers, "files_free", "files")
    return f"100 - 100 * {free} / ({all_} > 0)"


def read_only(settings: HostCheckSettings, matchers: str) -> str:
    """Return 2 for a filesystem that became read-only, 1 for one that stays so, 0 for others."""
    (state,) = _filesystems(settings.disk, matchers, "readonly")
    return f"{state} * (2 - {state} offset {_BEFORE})"


def disk_full(settings: HostCheckSettings, matchers: str) -> str:
    """Return the hours until each filesystem is full, if it fills as it did during the trend."""
    available, size = _filesystems(settings.disk, matchers, "avail_bytes", "size_bytes")
    trend = format_duration(settings.disk_full.trend_ms)
    free_share = 1 - settings.disk_full.least_used / 100
    hours = _hours(available, f"deriv({available}[{trend}])")
    # A filesystem with much space left gets the longest forecast, not none: without a value
    # its alert would be *no data*.
    plenty = f"({available} > bool {free_share:g} * {size})"
    return f"clamp_max({hours} + {LONGEST_FORECAST_H} * {plenty}, {LONGEST_FORECAST_H})"


def disk_full_bounds(settings: HostCheckSettings, matchers: str) -> Mapping[str, str]:
    """Return the soonest and the latest hour at which each filesystem is full.

    They come from the slope plus and minus two standard errors, of samples five minutes
    apart: nearer ones depend on each other, and the interval would be too short.
    """
    (available,) = _filesystems(settings.disk, matchers, "avail_bytes")
    samples = f"{available}[{format_duration(settings.disk_full.trend_ms)}:{_FORECAST_STEP}]"
    slope, count = f"deriv({samples})", f"count_over_time({samples})"
    # The variance of n times that are `step` seconds apart is (n^2 - 1) / 12 * step^2.
    spread = f"(({count} ^ 2 - 1) * 7500)"
    rest = f"clamp_min(stdvar_over_time({samples}) - {slope} ^ 2 * {spread}, 0)"
    error = f"2 * sqrt({rest} / ({count} - 2) / {spread})"
    return {
        "soonest": _hours(available, f"({slope} - {error})"),
        "latest": _hours(available, f"({slope} + {error})"),
    }


def _hours(available: str, slope: str) -> str:
    """Return the hours in which the available bytes go at a slope in bytes per second."""
    return f"{available} / clamp_min(-{slope}, 1) / 3600"


def network(_settings: HostCheckSettings, matchers: str) -> str:
    """Return the erroneous packets of each interface in percent of all, if it is in use."""

    def rate(kind: str) -> str:
        received = _selector(f"node_network_receive_{kind}_total", matchers)
        sent = _selector(f"node_network_transmit_{kind}_total", matchers)
        return f"(rate({received}[5m]) + rate({sent}[5m]))"

    return f"100 * {rate('errs')} / ({rate('packets')} > 1)"


def temperature(_settings: HostCheckSettings, matchers: str) -> str:
    """Return the temperature of each sensor in degrees Celsius."""
    return _selector("node_hwmon_temp_celsius", matchers)


def clock(_settings: HostCheckSettings, matchers: str) -> str:
    """Return the seconds between the host's clock and the time of its scrape."""
    time = _selector("node_time_seconds", matchers)
    return f"abs({time} - timestamp({time}))"


def units(settings: HostCheckSettings, matchers: str) -> str:
    """Return 1 for each of systemd's units that has failed, 0 for the others."""
    ignored = f"name!~{quote(settings.units.ignored)}" if settings.units.ignored else ""
    return _selector("node_systemd_unit_state", 'state="failed"', ignored, matchers)


def collectors(_settings: HostCheckSettings, matchers: str) -> str:
    """Return 2 for a collector that fails and did work, 1 for one that never did, 0 for others."""
    works = _selector("node_scrape_collector_success", matchers)
    return f"(1 - {works}) * (1 + {works} offset {_BEFORE})"


def certificates(_settings: HostCheckSettings, matchers: str) -> str:
    """Return the days until each certificate ends."""
    ends = _selector("", f'__name__=~"{_CERTIFICATE_ENDS}"', matchers)
    return f"({ends} - time()) / 86400"


def reboot(settings: HostCheckSettings, matchers: str) -> str:
    """Return 1 for a host that has started within the time of the settings, 0 for others."""
    started = _selector("node_boot_time_seconds", matchers)
    return f"(time() - {started} < bool {settings.reboot.within_ms / 1000:g})"


def _filesystems(disk: DiskSettings, matchers: str, *metrics: str) -> tuple[str, ...]:
    real = (
        f"fstype!~{quote(disk.ignored_fstypes)}",
        f"mountpoint!~{quote(disk.ignored_mountpoints)}",
    )
    return tuple(_selector(f"node_filesystem_{metric}", *real, matchers) for metric in metrics)
