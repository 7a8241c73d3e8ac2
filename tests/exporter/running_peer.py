"""A node_exporter that runs for one scrape."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection

from tests.patience import PATIENCE_S
from tests.ports import free_port
from tests.programs import node_exporter


@contextmanager
def answer_of_node_exporter(*arguments: str) -> Iterator[str]:
    """Start node_exporter, yield its exposition while it runs, and stop it; skip without it."""
    port = free_port()
    process = subprocess.Popen(
        [node_exporter(), f"--web.listen-address=127.0.0.1:{port}", *arguments],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TZ": "UTC"},
    )
    try:
        assert process.stderr is not None
        while "Listening on" not in (line := process.stderr.readline()):
            assert line, "node_exporter did not start"
        connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
        connection.request("GET", "/metrics")
        yield connection.getresponse().read().decode()
        connection.close()
    finally:
        process.kill()
        process.communicate()
