"""Listen addresses in text form: `127.0.0.1:9190`, `:9100`, `[::1]:9190`."""

import re
from dataclasses import dataclass

_ADDRESS = re.compile(
    r"(?:\[(?P<ipv6>[0-9A-Fa-f:.]+(?:%\w+)?)\]|(?P<host>[^:\[\]\s]*)):(?P<port>[0-9]{1,5})",
    re.ASCII,
)


@dataclass(frozen=True)
class ListenAddress:
    """A host and port to listen on; host "" means all interfaces, port 0 any free port."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "ListenAddress":
        """Parse HOST:PORT, :PORT or [IPV6]:PORT.

        Raises:
            ValueError: the text has another form.
        """
        match = _ADDRESS.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is not HOST:PORT, [IPV6]:PORT or :PORT")
        port = int(match["port"])
        if port > 65535:
            raise ValueError(f"{text!r}: a port is at most 65535")
        return cls(match["ipv6"] or match["host"] or "", port)

    def __str__(self) -> str:
        """Render in the form that `parse` accepts."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def local_host(self) -> str:
        """The host under which a client on this machine reaches the server."""
        wildcards = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104
        return wildcards.get(self.host, self.host)

    @property
    def local_url(self) -> str:
        """The URL under which a client on this machine reaches the server."""
        return f"http://{ListenAddress(self.local_host, self.port)}"
