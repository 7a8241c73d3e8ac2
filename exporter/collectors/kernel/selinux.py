"""Whether SELinux is enabled, and whether it enforces its policy.

Source: selinux(8), selinuxfs.
"""

from collections.abc import Iterable

from exporter.families import Family, GaugeFamily
from exporter.roots import Roots, read_number, read_text


class SELinux:
    """Reads selinuxfs, and the configured mode in `/etc/selinux/config`."""

    name = "selinux"

    def __init__(self, roots: Roots) -> None:
        self._mounted = f"{roots.sys}/fs/selinux"
        self._configuration = roots.host_path("/etc/selinux/config")

    def collect(self) -> Iterable[Family]:
        """Return 0 for a host without SELinux; else the configured and the current mode too."""
        enforce = read_number(f"{self._mounted}/enforce")
        yield GaugeFamily(
            "node_selinux_enabled",
            "SELinux is enabled, 1 is true, 0 is false",
            enforce is not None,
        )
        if enforce is None:
            return
        yield GaugeFamily(
            "node_selinux_config_mode",
            "Configured SELinux enforcement mode",
            self._configured(),
        )
        yield GaugeFamily("node_selinux_current_mode", "Current SELinux enforcement mode", enforce)

    def _configured(self) -> int:
        """Return 1 for enforcing, 0 for permissive and -1 for disabled or unknown."""
        try:
            lines = read_text(self._configuration).splitlines()
        except OSError:
            return -1
        modes = [line.partition("=")[2].strip() for line in lines if line.startswith("SELINUX=")]
        return {"enforcing": 1, "permissive": 0}.get(modes[-1], -1) if modes else -1
