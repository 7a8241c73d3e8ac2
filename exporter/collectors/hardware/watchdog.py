"""Watchdogs, which reset a host that no longer answers them.

Source: the kernel's Documentation/ABI/testing/sysfs-class-watchdog.
"""

from collections.abc import Iterable

from exporter.collectors.number_files import NumberFile, NumberFiles
from exporter.errors import NoDataError
from exporter.families import Family, GaugeFamily
from exporter.roots import Roots, list_names, read_value

_FILES = tuple(
    NumberFile(
        attribute, f"node_watchdog_{name}", f"Value of /sys/class/watchdog/<watchdog>/{attribute}"
    )
    for attribute, name in (
        ("bootstatus", "bootstatus"),
        ("fw_version", "fw_version"),
        ("nowayout", "nowayout"),
        ("timeleft", "timeleft_seconds"),
        ("timeout", "timeout_seconds"),
        ("pretimeout", "pretimeout_seconds"),
        ("access_cs0", "access_cs0"),
    )
)
_TEXTS = ("options", "identity", "state", "status", "pretimeout_governor")


class Watchdogs:
    """Reads `class/watchdog`."""

    name = "watchdog"

    def __init__(self, roots: Roots) -> None:
        self._class = f"{roots.sys}/class/watchdog"
        self._files = NumberFiles(_FILES, ("name",))

    def collect(self) -> Iterable[Family]:
        """Return one gauge per attribute, and the texts, by watchdog."""
        names = list_names(self._class)
        if not names:
            raise NoDataError("no watchdog")
        info = GaugeFamily(
            "node_watchdog_info", "Info of /sys/class/watchdog/<watchdog>", labels=("name", *_TEXTS)
        )
        for name in names:
            texts = [read_value(f"{self._class}/{name}/{text}") or "" for text in _TEXTS]
            info.add((name, *texts), 1)
        return [*self._files.families(((name,), f"{self._class}/{name}") for name in names), info]
