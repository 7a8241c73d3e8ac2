"""The section `file_sd_configs`.

Source: Prometheus documentation, "Configuration", file_sd_config.
"""

import re
from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator

from model.quantities import PositiveSeconds
from scraper.configuration.sections import Section
from scraper.discovery.file_sd import FileDiscoverer

_FILE_PATTERN = re.compile(r"[^*]*(\*[^/]*)?\.(json|yml|yaml|JSON|YML|YAML)")


class FileSdSettings(Section):
    """Targets listed in files."""

    files: Annotated[tuple[str, ...], Field(min_length=1)]
    refresh_interval: PositiveSeconds = 300.0

    @field_validator("files")
    @classmethod
    def _check(cls, files: tuple[str, ...]) -> tuple[str, ...]:
        for file in files:
            if _FILE_PATTERN.fullmatch(file) is None:
                raise ValueError(f'"{file}" is not the name of a .json, .yml or .yaml file')
        return files

    def discoverer(self, directory: Path) -> FileDiscoverer:
        """Return the discoverer; file names are relative to `directory`."""
        return FileDiscoverer(
            tuple(str(directory / file) for file in self.files), self.refresh_interval
        )
