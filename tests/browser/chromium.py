"""Debian's chromium, driven by Playwright's asynchronous interface."""

import os
import subprocess
import sys
from typing import Final

from playwright.async_api import Browser, Playwright

from tests.programs import program, skip_as_missing

# Keep chromium from connecting to anything but the page under test.
FLAGS: Final = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def require_chromium() -> None:
    """Skip the test where chromium or Playwright's driver cannot run.

    The driver is a node binary that needs libatomic.so.1, which a minimal Debian lacks.
    """
    program("chromium")
    driver = subprocess.run(
        [sys.executable, "-m", "playwright", "--version"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if driver.returncode != 0:
        lines = driver.stderr.strip().splitlines() or [f"exit status {driver.returncode}"]
        skip_as_missing(f"Playwright's driver cannot run: {lines[-1]}")


async def launch(playwright: Playwright, *flags: str) -> Browser:
    """Start chromium with further flags; root needs it without its sandbox."""
    sandbox = ("--no-sandbox",) if os.geteuid() == 0 else ()
    return await playwright.chromium.launch(
        executable_path=program("chromium"), args=[*FLAGS, *sandbox, *flags]
    )
