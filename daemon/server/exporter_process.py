"""The exporter of `redshank up`: a child process that is restarted when it exits.

It is a process of its own, as on every other host, so that a fault in a collector (a
mount that hangs, a crash while reading a driver's file) never affects the server.
"""

import asyncio
import ctypes
import os
import signal
import sys
import time
from contextlib import suppress

import structlog

from model.addresses import ListenAddress

log = structlog.get_logger(__name__)

_FIRST_DELAY_S = 0.5
_LONGEST_DELAY_S = 30.0
# A child that ran this long was healthy: the next restart waits the first delay again.
_HEALTHY_S = 60.0
_START_S = 10.0
_STOP_S = 5.0
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


class ExporterProcess:
    """Runs an exporter as a child process that listens on an address."""

    def __init__(self, listen: ListenAddress) -> None:
        self._listen = listen
        module = ["-m", "daemon.server.exporter_process"]
        self._command = [sys.executable, *module, "--listen", str(listen)]

    async def wait_until_ready(self) -> None:
        """Return once the exporter accepts connections, or after 10 s if it does not."""
        host = self._listen.local_host
        with suppress(TimeoutError):
            async with asyncio.timeout(_START_S):
                while True:
                    with suppress(OSError):
                        _, writer = await asyncio.open_connection(host, self._listen.port)
                        writer.close()
                        await writer.wait_closed()
                        return
                    await asyncio.sleep(_FIRST_DELAY_S / 10)

    async def run(self) -> None:
        """Keep the exporter running until cancelled, then stop it."""
        delay_s = _FIRST_DELAY_S
        while True:
            started_s = time.monotonic()
            process = await asyncio.create_subprocess_exec(*self._command)
            try:
                status = await process.wait()
            finally:
                await _stop(process)
            if time.monotonic() - started_s > _HEALTHY_S:
                delay_s = _FIRST_DELAY_S
            log.warning("exporter_exited", status=status, restart_in_s=delay_s)
            await asyncio.sleep(delay_s)
            delay_s = min(delay_s * 2, _LONGEST_DELAY_S)


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(_STOP_S):
            await process.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def main() -> None:
    """Run the exporter in the child process; end with the parent, even if that is killed."""
    parent = os.getppid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:  # The parent died before the call of prctl.
            return
    # Ctrl-C in a terminal signals the whole process group; the parent stops us itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from exporter.command import exporter

    exporter(sys.argv[1:])


if __name__ == "__main__":
    main()
