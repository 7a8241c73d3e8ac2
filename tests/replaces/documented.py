"""Runs curl commands from the documentation of the servers that Redshank replaces.

Only host, port and key are exchanged.
"""

import asyncio
import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Answer:
    """The response that curl received."""

    status: int
    content_type: str
    location: str
    body: str

    def json(self) -> Any:
        """Return the body as JSON."""
        assert self.content_type.startswith("application/json"), self
        return json.loads(self.body)


async def run_curl(command: str, exchanged: Mapping[str, str]) -> Answer:
    """Run a documented curl command; `exchanged` maps its texts to those of the test."""
    for written, here in exchanged.items():
        assert written in command, written
        command = command.replace(written, here)
    # A backslash at the end of a line joins it with the next, as in a shell.
    program, *arguments = shlex.split(command.replace("\\\n", " "))
    assert program == "curl"
    told = "\n%{http_code}\n%{content_type}\n%{redirect_url}"
    process = await asyncio.create_subprocess_exec(
        *("curl", "--silent", "--show-error", "--max-time", "60", "--write-out", told),
        *arguments,
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, command
    body, status, content_type, location = output.decode().rsplit("\n", 3)
    return Answer(int(status), content_type, location, body)
