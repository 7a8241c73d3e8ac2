"""Release of the kernel and name of the host."""

import os
from collections.abc import Callable, Iterable

from exporter.collectors.uname_info import uname_info
from exporter.families import Family
from exporter.roots import Roots, read_value


class Uname:
    """Calls uname(2)."""

    name = "uname"

    def __init__(self, roots: Roots, uname: Callable[[], os.uname_result] = os.uname) -> None:
        # os.uname() does not return the domain name.
        self._domainname = f"{roots.proc}/sys/kernel/domainname"
        self._uname = uname

    def collect(self) -> Iterable[Family]:
        """Return node_uname_info."""
        uname = self._uname()
        return [
            uname_info(
                sysname=uname.sysname,
                release=uname.release,
                version=uname.version,
                machine=uname.machine,
                nodename=uname.nodename,
                domainname=read_value(self._domainname) or "",
            )
        ]
