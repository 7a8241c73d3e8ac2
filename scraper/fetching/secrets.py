"""Secrets, given as text or in a file.

Files are read for each request, so that rotated secrets work without a reload.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from model.process.regular_files import read_regular_text
from scraper.errors import FetchError


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret, or the file that contains it; `repr` hides the text."""

    text: str = field(default="", repr=False)
    file: Path | None = None

    def read(self) -> str:
        """Return the secret; blocks if it is in a file.

        Raises:
            FetchError: the file cannot be read.
        """
        if self.file is None:
            return self.text
        try:
            return read_regular_text(self.file).strip()
        except (OSError, UnicodeDecodeError) as exc:
            raise FetchError(f"cannot read {self.file}: {exc}") from exc


NO_SECRET: Final = Secret()
