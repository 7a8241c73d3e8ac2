"""Open file descriptors of the whole host."""

from collections.abc import Iterable

from exporter.families import Family, GaugeFamily
from exporter.kept_files import KeptFile
from exporter.roots import Roots


class FileDescriptors:
    """Reads `sys/fs/file-nr`."""

    name = "filefd"

    def __init__(self, roots: Roots) -> None:
        self._file = KeptFile(f"{roots.proc}/sys/fs/file-nr")

    def collect(self) -> Iterable[Family]:
        """Return the number of allocated descriptors and its limit."""
        # The number in the middle, free descriptors, is always 0 since Linux 2.6.
        allocated, _, maximum = self._file.text().split()
        for name, value in (("allocated", allocated), ("maximum", maximum)):
            yield GaugeFamily(
                f"node_filefd_{name}", f"File descriptor statistics: {name}.", float(value)
            )
