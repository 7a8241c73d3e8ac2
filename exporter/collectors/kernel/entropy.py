"""The kernel's entropy pool."""

from collections.abc import Iterable

from exporter.families import Family, GaugeFamily
from exporter.kept_files import KeptFile
from exporter.roots import Roots


class Entropy:
    """Reads `sys/kernel/random`."""

    name = "entropy"

    def __init__(self, roots: Roots) -> None:
        directory = f"{roots.proc}/sys/kernel/random"
        self._available = KeptFile(f"{directory}/entropy_avail")
        self._size = KeptFile(f"{directory}/poolsize")

    def collect(self) -> Iterable[Family]:
        """Return the available entropy and the size of the pool, in bits."""
        yield GaugeFamily(
            "node_entropy_available_bits",
            "Bits of available entropy.",
            float(self._available.text()),
        )
        yield GaugeFamily(
            "node_entropy_pool_size_bits",
            "Bits of entropy pool.",
            float(self._size.text()),
        )
