"""The charts of a host's page, by section.

A chart is on the page of every host that has the series it needs, and on no other.
"""

from typing import Final

from alerting.checks.cpu_usage import CpuUsage
from web.fleet.figures import NO_NIC
from web.hosts.charts.chart_parts import (
    Chart,
    ChartSection,
    ChartUnit,
    Lines,
    container_chart,
    gauge,
    memory,
    pressure_chart,
    rate,
)

NO_DRIVE: Final = "loop.*|ram.*|zram.*|sr.*|fd.*|dm-.*|md.*"
"""Block devices that are not drives, or whose drives are listed separately."""

_CPU: Final = "node_cpu_seconds_total"
_DRIVES: Final = f'device!~"{NO_DRIVE}"'
_NICS: Final = f'device!~"{NO_NIC}"'
_R, _N, _S = ChartUnit.RATIO, ChartUnit.NUMBER, ChartUnit.PER_S
_B, _BS, _T = ChartUnit.BYTES, ChartUnit.BYTES_PER_S, ChartUnit.SECONDS


_SOME_AND_FULL: Final = (("waiting", "some tasks wait"), ("stalled", "all tasks wait"))

CHARTS: Final = (
    Chart(
        "cpu",
        ChartSection.CPU,
        "CPU by mode",
        _R,
        (
            Lines(CpuUsage.busy_modes, "{mode}"),
            # Below the axis: the height of the stack is the usage.
            Lines(CpuUsage.waiting, "iowait", mirrored=True),
        ),
        stacked=True,
        order=("user", "system", "steal", "nice", "softirq", "irq", "iowait"),
    ),
    Chart(
        "cpu_cores",
        ChartSection.CPU,
        "CPU by core",
        _R,
        (
            Lines(
                f'sum by (cpu) (rate({_CPU}{{HOST,mode!~"idle|iowait",cpu!="all"}}[WINDOW]))'
                f' / sum by (cpu) (rate({_CPU}{{HOST,cpu!="all"}}[WINDOW]))',
                "{cpu}",
            ),
        ),
        full=True,
    ),
    Chart(
        "load",
        ChartSection.CPU,
        "Load",
        _N,
        (
            gauge("node_load1", "1 min"),
            gauge("node_load5", "5 min"),
            gauge("node_load15", "15 min"),
        ),
    ),
    Chart(
        "frequency",
        ChartSection.CPU,
        "Clock rate",
        ChartUnit.HERTZ,
        (
            Lines("avg(node_cpu_scaling_frequency_hertz{HOST})", "average"),
            Lines("max(node_cpu_scaling_frequency_hertz{HOST})", "fastest core"),
        ),
    ),
    Chart(
        "switches",
        ChartSection.CPU,
        "Context switches and interrupts",
        _S,
        (
            rate("node_context_switches_total", "context switches"),
            rate("node_intr_total", "interrupts"),
        ),
    ),
    Chart(
        "memory",
        ChartSection.MEMORY,
        "Memory",
        _B,
        (
            Lines(memory("MemTotal", "-MemFree", "-Buffers", "-Cached", "-SReclaimable"), "used"),
            Lines(memory("Buffers", "+Cached", "+SReclaimable"), "cache"),
            Lines(memory("MemFree"), "free"),
        ),
        stacked=True,
        order=("used", "cache", "free"),
    ),
    Chart(
        "swap",
        ChartSection.MEMORY,
        "Swap",
        _B,
        # Without swap there is no chart.
        (Lines(f"{memory('SwapTotal', '-SwapFree')} and ({memory('SwapTotal')} > 0)", "used"),),
    ),
    Chart(
        "swapping",
        ChartSection.MEMORY,
        "Pages swapped",
        _S,
        (
            rate("node_vmstat_pswpin", "in"),
            rate("node_vmstat_pswpout", "out", mirrored=True),
        ),
    ),
    Chart(
        "faults",
        ChartSection.MEMORY,
        "Page faults that read the disk",
        _S,
        (rate("node_vmstat_pgmajfault", "major faults"),),
    ),
    Chart(
        "oom",
        ChartSection.MEMORY,
        "Processes killed for memory",
        _S,
        (rate("node_vmstat_oom_kill", "killed"),),
    ),
    Chart(
        "disk_space",
        ChartSection.DISKS,
        "Disk usage",
        _R,
        (
            Lines(
                "1 - node_filesystem_avail_bytes{HOST,DISKS}"
                " / (node_filesystem_size_bytes{HOST,DISKS} > 0)",
                "{mountpoint}",
            ),
        ),
        full=True,
    ),
    Chart(
        "inodes",
        ChartSection.DISKS,
        "Inodes used",
        _R,
        (
            Lines(
                "1 - node_filesystem_files_free{HOST,DISKS}"
                " / (node_filesystem_files{HOST,DISKS} > 0)",
                "{mountpoint}",
            ),
        ),
        full=True,
    ),
    Chart(
        "disk_io",
        ChartSection.DISKS,
        "Disk I/O",
        _BS,
        (
            rate("node_disk_read_bytes_total", "{device} read", _DRIVES),
            rate("node_disk_written_bytes_total", "{device} write", _DRIVES, mirrored=True),
        ),
    ),
    Chart(
        "disk_operations",
        ChartSection.DISKS,
        "Disk operations",
        _S,
        (
            rate("node_disk_reads_completed_total", "{device} read", _DRIVES),
            rate("node_disk_writes_completed_total", "{device} write", _DRIVES, mirrored=True),
        ),
    ),
    Chart(
        "disk_busy",
        ChartSection.DISKS,
        "Time that disks are busy",
        _R,
        (rate("node_disk_io_time_seconds_total", "{device}", _DRIVES),),
    ),
    Chart(
        "disk_latency",
        ChartSection.DISKS,
        "Time of one operation",
        _T,
        (
            Lines(
                f"rate(node_disk_read_time_seconds_total{{HOST,{_DRIVES}}}[WINDOW])"
                f" / (rate(node_disk_reads_completed_total{{HOST,{_DRIVES}}}[WINDOW]) > 0)",
                "{device} read",
            ),
            Lines(
                f"rate(node_disk_write_time_seconds_total{{HOST,{_DRIVES}}}[WINDOW])"
                f" / (rate(node_disk_writes_completed_total{{HOST,{_DRIVES}}}[WINDOW]) > 0)",
                "{device} write",
                mirrored=True,
            ),
        ),
    ),
    Chart(
        "network",
        ChartSection.NETWORK,
        "Network",
        _BS,
        (
            rate("node_network_receive_bytes_total", "{device} in", _NICS),
            rate("node_network_transmit_bytes_total", "{device} out", _NICS, mirrored=True),
        ),
    ),
    Chart(
        "packets",
        ChartSection.NETWORK,
        "Packets",
        _S,
        (
            rate("node_network_receive_packets_total", "{device} in", _NICS),
            rate("node_network_transmit_packets_total", "{device} out", _NICS, mirrored=True),
        ),
    ),
    Chart(
        "network_errors",
        ChartSection.NETWORK,
        "Packets lost",
        _S,
        (
            rate("node_network_receive_errs_total", "{device} errors in", _NICS),
            rate("node_network_receive_drop_total", "{device} dropped in", _NICS),
            rate("node_network_transmit_errs_total", "{device} errors out", _NICS, mirrored=True),
            rate("node_network_transmit_drop_total", "{device} dropped out", _NICS, mirrored=True),
        ),
    ),
    Chart(
        "connections",
        ChartSection.NETWORK,
        "TCP connections",
        _N,
        (
            gauge("node_netstat_Tcp_CurrEstab", "established"),
            gauge("node_sockstat_TCP_tw", "time wait"),
        ),
    ),
    Chart(
        "retransmits",
        ChartSection.NETWORK,
        "TCP segments sent again",
        _S,
        (rate("node_netstat_Tcp_RetransSegs", "sent again"),),
    ),
    Chart(
        "conntrack",
        ChartSection.NETWORK,
        "Tracked connections",
        _R,
        (Lines("node_nf_conntrack_entries{HOST} / node_nf_conntrack_entries_limit{HOST}", "used"),),
        full=True,
    ),
    pressure_chart("cpu", "Waiting for CPU", ("waiting", "some tasks wait")),
    pressure_chart("memory", "Waiting for memory", *_SOME_AND_FULL),
    pressure_chart("io", "Waiting for I/O", *_SOME_AND_FULL),
    Chart(
        "temperature",
        ChartSection.SENSORS,
        "Temperature",
        ChartUnit.CELSIUS,
        (
            Lines("max by (chip, sensor) (node_hwmon_temp_celsius{HOST})", "{chip} {sensor}"),
            Lines("max by (zone, type) (node_thermal_zone_temp{HOST})", "{type} {zone}"),
        ),
    ),
    Chart(
        "fans",
        ChartSection.SENSORS,
        "Fans",
        ChartUnit.RPM,
        (Lines("max by (chip, sensor) (node_hwmon_fan_rpm{HOST})", "{chip} {sensor}"),),
    ),
    Chart(
        "power",
        ChartSection.SENSORS,
        "Power",
        ChartUnit.WATTS,
        (
            Lines("max by (chip, sensor) (node_hwmon_power_average_watt{HOST})", "{chip} {sensor}"),
            rate("node_rapl_package_joules_total", "package {index}"),
        ),
    ),
    Chart(
        "battery",
        ChartSection.SENSORS,
        "Battery",
        _R,
        (Lines("node_power_supply_capacity{HOST} / 100", "{power_supply}"),),
        full=True,
    ),
    container_chart(
        "container_cpu",
        "CPU, in cores",
        _N,
        ("rate(container_cpu_usage_seconds_total{HOST}[WINDOW])", ""),
    ),
    container_chart("container_memory", "Memory", _B, ("container_memory_rss{HOST}", "")),
    container_chart(
        "container_network",
        "Network",
        _BS,
        ("rate(container_network_receive_bytes_total{HOST}[WINDOW])", " in"),
        ("rate(container_network_transmit_bytes_total{HOST}[WINDOW])", " out"),
    ),
    container_chart(
        "container_io",
        "Disk I/O",
        _BS,
        ("rate(container_fs_reads_bytes_total{HOST}[WINDOW])", " read"),
        ("rate(container_fs_writes_bytes_total{HOST}[WINDOW])", " write"),
    ),
    Chart(
        "units",
        ChartSection.UNITS,
        "Units by state",
        _N,
        (Lines('node_systemd_units{HOST,state!="inactive"}', "{state}"),),
        order=("failed", "activating", "deactivating", "active"),
    ),
    Chart(
        "unit_restarts",
        ChartSection.UNITS,
        "Restarts of services",
        _S,
        (Lines("rate(node_systemd_service_restart_total{HOST}[WINDOW]) > 0", "{name}"),),
    ),
    Chart(
        "processes",
        ChartSection.PROCESSES,
        "Processes",
        _N,
        (
            gauge("node_procs_running", "running"),
            gauge("node_procs_blocked", "blocked"),
            gauge("node_processes_pids", "all"),
            gauge("node_processes_threads", "threads"),
        ),
    ),
    Chart("forks", ChartSection.PROCESSES, "Forks", _S, (rate("node_forks_total", "forks"),)),
    Chart(
        "top_cpu",
        ChartSection.PROCESSES,
        "CPU of the busiest processes, in cores",
        _N,
        (gauge("node_processes_top_cpu_ratio", "{rank} {name}"),),
    ),
    Chart(
        "top_memory",
        ChartSection.PROCESSES,
        "Memory of the largest processes",
        _B,
        (gauge("node_processes_top_resident_memory_bytes", "{rank} {name}"),),
    ),
    Chart(
        "descriptors",
        ChartSection.SYSTEM,
        "Open file descriptors",
        _N,
        (gauge("node_filefd_allocated", "open"),),
    ),
    Chart(
        "clock",
        ChartSection.SYSTEM,
        "Clock offset",
        _T,
        (gauge("node_timex_offset_seconds", "offset"),),
    ),
    Chart(
        "scrape",
        ChartSection.SYSTEM,
        "Time of a scrape",
        _T,
        (gauge("scrape_duration_seconds", "scrape"),),
    ),
)
BY_KEY: Final = {chart.key: chart for chart in CHARTS}
