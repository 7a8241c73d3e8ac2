"""Typical alerting rules over node_exporter's metrics, a hundred or more."""

import json

COUNTED = "bench:targets:count"
"""A recorded series: it has one sample for each evaluation."""

_GROUPS = 10
_EVERY_S = 1.0

# Each condition with the thresholds of a warning and of a critical alert.
_CONDITIONS: tuple[tuple[str, float, float], ...] = (
    ("node_load1 / count without (cpu, mode) (node_cpu_seconds_total{mode='idle'}) > %g", 2, 4),
    ("node_load5 > %g", 20, 50),
    ("node_load15 > %g", 10, 30),
    ("100 * (1 - avg by (instance) (rate(node_cpu_seconds_total{mode='idle'}[5m]))) > %g", 90, 98),
    ("sum by (instance) (rate(node_cpu_seconds_total{mode='iowait'}[5m])) > %g", 1, 3),
    ("sum by (instance) (rate(node_cpu_seconds_total{mode='steal'}[5m])) > %g", 1, 3),
    ("max by (instance) (rate(node_cpu_seconds_total{mode=~'system|user'}[5m])) > %g", 0.95, 0.99),
    ("100 * (1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes) > %g", 90, 97),
    ("node_memory_MemAvailable_bytes < %g", 2e8, 5e7),
    ("node_memory_SwapTotal_bytes - node_memory_SwapFree_bytes > %g", 1e9, 4e9),
    ("rate(node_vmstat_pgmajfault[5m]) > %g", 1000, 5000),
    ("increase(node_vmstat_oom_kill[5m]) > %g", 0, 3),
    ("100 * node_filesystem_avail_bytes / node_filesystem_size_bytes < %g", 10, 3),
    ("100 * node_filesystem_files_free / node_filesystem_files < %g", 10, 3),
    ("node_filesystem_readonly > %g", 0, 1),
    ("node_filesystem_device_error > %g", 0, 1),
    ("deriv(node_filesystem_free_bytes[5m]) < -%g", 1e9, 5e9),
    ("rate(node_disk_io_time_seconds_total[5m]) > %g", 0.95, 0.99),
    ("sum by (instance) (rate(node_disk_read_bytes_total[5m])) > %g", 5e8, 2e9),
    ("sum by (instance) (rate(node_disk_written_bytes_total[5m])) > %g", 5e9, 2e10),
    (
        (
            "rate(node_disk_read_time_seconds_total[5m])"
            " / rate(node_disk_reads_completed_total[5m]) > %g"
        ),
        1,
        5,
    ),
    (
        (
            "rate(node_disk_write_time_seconds_total[5m])"
            " / rate(node_disk_writes_completed_total[5m]) > %g"
        ),
        1,
        5,
    ),
    ("rate(node_network_receive_bytes_total{device!='lo'}[5m]) > %g", 1e9, 5e9),
    ("rate(node_network_transmit_bytes_total{device!='lo'}[5m]) > %g", 1e9, 5e9),
    (
        (
            "rate(node_network_receive_errs_total[5m])"
            " / rate(node_network_receive_packets_total[5m]) > %g"
        ),
        0.01,
        0.1,
    ),
    ("increase(node_network_receive_drop_total[5m]) > %g", 1000, 10000),
    ("increase(node_network_transmit_drop_total[5m]) > %g", 1000, 10000),
    ("increase(node_network_carrier_changes_total[5m]) > %g", 10, 50),
    ("100 * node_nf_conntrack_entries / node_nf_conntrack_entries_limit > %g", 80, 95),
    ("100 * node_filefd_allocated / node_filefd_maximum > %g", 80, 95),
    ("node_procs_blocked > %g", 20, 100),
    ("node_procs_running > %g", 200, 1000),
    ("rate(node_context_switches_total[5m]) > %g", 1e6, 5e6),
    ("rate(node_forks_total[5m]) > %g", 1e4, 5e4),
    ("rate(node_intr_total[5m]) > %g", 1e6, 5e6),
    ("node_sockstat_TCP_tw > %g", 5e4, 2e5),
    ("node_netstat_Tcp_CurrEstab > %g", 5e4, 2e5),
    (
        "rate(node_netstat_Tcp_RetransSegs[5m]) / rate(node_netstat_Tcp_OutSegs[5m]) > %g",
        0.2,
        0.5,
    ),
    ("increase(node_netstat_TcpExt_ListenDrops[5m]) > %g", 1000, 10000),
    ("rate(node_netstat_Udp_InErrors[5m]) > %g", 100, 1000),
    ("rate(node_pressure_cpu_waiting_seconds_total[5m]) > %g", 0.95, 0.99),
    ("rate(node_pressure_io_waiting_seconds_total[5m]) > %g", 0.95, 0.99),
    ("rate(node_pressure_memory_waiting_seconds_total[5m]) > %g", 0.5, 0.9),
    ("abs(node_timex_offset_seconds) > %g", 1, 10),
    ("rate(process_cpu_seconds_total[5m]) > %g", 1, 4),
    ("process_open_fds / process_max_fds > %g", 0.8, 0.95),
    ("process_resident_memory_bytes > %g", 1e9, 4e9),
    ("avg_over_time(node_load1[5m]) > %g", 20, 50),
    ("max_over_time(scrape_duration_seconds[5m]) > %g", 10, 14),
    ("count by (job) (up == 0) > %g", 10, 100),
)

ALERTS = 2 * len(_CONDITIONS)
_SEVERITIES = ("warning", "critical")


def _thresholds(warning: float, critical: float, count: int) -> list[float]:
    """Return this many thresholds: the given ones, and further ones beyond them."""
    step = critical - warning
    return [warning, critical, *(critical + step * more for more in range(1, count - 1))]


def rule_file(every_s: float = _EVERY_S, count: int = ALERTS) -> str:
    """Return alerting rules in ten groups, and a rule that counts evaluations.

    More than 100 rules have further thresholds for each condition: each is an expression of
    its own.
    """
    each = -(-count // len(_CONDITIONS))
    rules: list[dict[str, object]] = [
        {
            "alert": f"Bench{number:02}{'' if place < len(_SEVERITIES) else f'x{place}'}",
            "expr": condition % threshold,
            "for": "5m",
            "labels": {"severity": _SEVERITIES[place % len(_SEVERITIES)]},
            "annotations": {"summary": "{{ $labels.instance }}: {{ $value }}"},
        }
        for number, (condition, warning, critical) in enumerate(_CONDITIONS)
        for place, threshold in enumerate(_thresholds(warning, critical, each))
    ]
    rules = rules[:count]
    every = f"{every_s:g}s"
    groups: list[dict[str, object]] = [
        {"name": f"bench{group}", "interval": every, "rules": rules[group::_GROUPS]}
        for group in range(_GROUPS)
    ]
    counting = [{"record": COUNTED, "expr": "count(up)"}]
    groups.append({"name": "counting", "interval": every, "rules": counting})
    return json.dumps({"groups": groups})  # JSON is YAML
