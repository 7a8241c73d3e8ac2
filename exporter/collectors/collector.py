"""The protocol that every collector implements."""

from collections.abc import Iterable
from typing import Protocol

from exporter.families import Family


class Collector(Protocol):
    """One probe of the host."""

    @property
    def name(self) -> str:
        """The name in `collect[]`, in options and in `node_scrape_collector_success`."""

    def collect(self) -> Iterable[Family]:
        """Read the host once.

        Raises:
            NoDataError: the host lacks the device or kernel feature.
            OSError: the kernel refused; FileNotFoundError counts as no data.
            Exception: the kernel's answer has an unexpected form.
        """
