"""Addresses to listen on, as people write them: `127.0.0.1:9190`, `:9100`, `[::1]:9190`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """A host and port to listen on; an empty host means all interfaces, port 0 any."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "ListenAddress":
        """Read HOST:PORT, :PORT or [IPV6]:PORT.

        Raises:
            ValueError: it is none of these.
        """
        host, separator, port = text.rpartition(":")
        if host.startswith("[") and host.endswith("]"):
            host = host[1:-1]
        elif ":" in host or not separator:
            raise ValueError(f"{text!r} is not HOST:PORT (an IPv6 address goes in brackets)")
        if not (port.isascii() and port.isdigit() and int(port) < 65536):
            raise ValueError(f"{text!r}: the port must be a number from 0 to 65535")
        return cls(host, int(port))

    def __str__(self) -> str:
        """Render as `parse` reads it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def local_host(self) -> str:
        """The address under which this machine reaches a server that listens here."""
        wildcards = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104
        return wildcards.get(self.host, self.host)

    @property
    def local_url(self) -> str:
        """The URL of that."""
        return f"http://{ListenAddress(self.local_host, self.port)}"
