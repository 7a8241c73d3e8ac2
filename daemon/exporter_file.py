"""The one-file exporter, which new hosts fetch from the server."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import structlog

log = structlog.get_logger(__name__)

_NAME: Final = "redshank-exporter.pyz"


class ExporterFile:
    """Builds the exporter from the installed packages when it is first needed."""

    def __init__(self) -> None:
        self._content: bytes | None = None
        self._is_tried = False
        self._building = asyncio.Lock()

    async def content(self) -> bytes | None:
        """Return the file, None if it cannot be built."""
        async with self._building:
            if not self._is_tried:
                self._is_tried = True
                self._content = await asyncio.to_thread(_built)
            return self._content


def _built() -> bytes | None:
    # Imported here: most servers never serve the file.
    from exporter.bundle import build
    from exporter.errors import ExporterError

    try:
        with TemporaryDirectory() as directory:
            path = Path(directory, _NAME)
            build(path)
            return path.read_bytes()
    except (ExporterError, OSError) as exc:
        log.warning("exporter_file_failed", error=str(exc))
        return None
