import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest

from daemon.configuration.configuration import Configuration, ConfigurationSource
from daemon.data_directory import DataDirectory
from daemon.server import server
from daemon.server.server import RunningServer, ServerPlan


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_signal_during_the_start_ends_it_without_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    cleaned_up = False

    @asynccontextmanager
    async def starting_forever(*_: object) -> AsyncIterator[RunningServer]:
        nonlocal cleaned_up
        os.kill(os.getpid(), number)
        try:
            await asyncio.Event().wait()
        finally:
            # A second signal does not interrupt the end.
            os.kill(os.getpid(), number)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            cleaned_up = True
        yield cast("RunningServer", None)

    monkeypatch.setattr(server, "running_server", starting_forever)
    plan = ServerPlan(ConfigurationSource(None), DataDirectory(tmp_path))
    await server._serve(plan, cast("Configuration", None))
    assert cleaned_up
