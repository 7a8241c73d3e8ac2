"""Families of node_exporter that are not compared, each with the reason."""

from types import MappingProxyType

OF_ITS_OWN: MappingProxyType[str, str] = MappingProxyType(
    dict.fromkeys(
        ("go_", "process_", "promhttp_", "node_exporter_build_info", "node_scrape_collector_"),
        "describes node_exporter and its runtime, not the host",
    )
)
# In the trees of node_exporter's end-to-end test: series of the recording host itself.
OF_THE_RECORDING_HOST: MappingProxyType[str, str] = MappingProxyType(
    {
        "node_network_receive_": "netdev asks the running kernel by netlink",
        "node_network_transmit_": "netdev asks the running kernel by netlink",
        "node_filesystem_purgeable_bytes": "always 0 on Linux",
    }
)
# There too: series whose values are those of the recording host.
VALUES_OF_THE_RECORDING_HOST: MappingProxyType[str, str] = MappingProxyType(
    {
        "node_arp_entries": "arp asks the running kernel by netlink",
        "node_filesystem_": "statvfs(2) of its root directory",
        "node_time_": "its clock",
        "node_timex_": "its clock",
        "node_uname_info": "its uname(2)",
        "node_textfile_mtime_seconds": "the times of its files",
    }
)
# On a running host: what differs on purpose, or cannot be equal.
ON_PURPOSE: MappingProxyType[str, str] = MappingProxyType(
    {
        "node_filesystem_purgeable_bytes": "always 0 on Linux",
        "node_processes_threads_state": "one file to read for each thread of the host",
        "node_filesystem_readonly": "node_exporter 1.11 has 0 for some that are mounted read-only",
        "node_disk_info": "node_exporter 1.11 has rotational=0 where another attribute is missing",
        "node_network_speed_bytes": "node_exporter has -125000 where the speed is not known",
    }
)
