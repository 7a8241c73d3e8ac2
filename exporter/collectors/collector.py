"""What every collector is."""

from collections.abc import Iterable
from typing import Protocol

from prometheus_client.core import Metric


class Collector(Protocol):
    """One probe of the host."""

    @property
    def name(self) -> str:
        """Its name in `collect[]`, in options and in `node_scrape_collector_success`."""

    def collect(self) -> Iterable[Metric]:
        """Read the host once.

        Raises:
            NoDataError: the host has no such thing.
            OSError: the kernel refused; FileNotFoundError counts as no data.
            Exception: it said something unexpected.
        """
