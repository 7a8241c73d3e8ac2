"""The family of the system's name and release, which Linux and other systems share."""

from __future__ import annotations

from exporter.families import Family, GaugeFamily


def uname_info(
    *, sysname: str, release: str, version: str, machine: str, nodename: str, domainname: str
) -> Family:
    """Return node_uname_info; "" as the domain name is "(none)", as Linux writes it."""
    labels = {
        "sysname": sysname,
        "release": release,
        "version": version,
        "machine": machine,
        "nodename": nodename,
        "domainname": domainname or "(none)",
    }
    family = GaugeFamily(
        "node_uname_info",
        "Labeled system information as provided by the uname system call.",
        labels=list(labels),
    )
    family.add(labels.values(), 1)
    return family
