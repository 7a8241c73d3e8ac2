"""All sections that have no effect, for the model of the whole document."""

from pydantic import field_validator

from scraper.configuration.ignored_sections.alertmanagers import AlertmanagersSettings
from scraper.configuration.ignored_sections.otlp import OtlpSettings
from scraper.configuration.ignored_sections.remote_storage import (
    RemoteReadSettings,
    RemoteWriteSettings,
)
from scraper.configuration.ignored_sections.tracing import TracingSettings
from scraper.configuration.ignored_sections.tsdb import RuntimeSettings, StorageSettings
from scraper.configuration.sections import Section

NAMES = ("alerting", "remote_write", "remote_read", "otlp", "storage", "tracing", "runtime")
"""The keys of these sections."""


class IgnoredSections(Section):
    """The sections that Redshank checks as Prometheus does, and then ignores."""

    alerting: AlertmanagersSettings | None = None
    remote_write: tuple[RemoteWriteSettings, ...] = ()
    remote_read: tuple[RemoteReadSettings, ...] = ()
    otlp: OtlpSettings | None = None
    storage: StorageSettings | None = None
    tracing: TracingSettings | None = None
    runtime: RuntimeSettings | None = None

    @field_validator("remote_write")
    @classmethod
    def _check_write(
        cls, sections: tuple[RemoteWriteSettings, ...]
    ) -> tuple[RemoteWriteSettings, ...]:
        _refuse_doubled_names([section.name for section in sections])
        return sections

    @field_validator("remote_read")
    @classmethod
    def _check_read(
        cls, sections: tuple[RemoteReadSettings, ...]
    ) -> tuple[RemoteReadSettings, ...]:
        _refuse_doubled_names([section.name for section in sections])
        return sections


def _refuse_doubled_names(names: list[str]) -> None:
    doubled = next((name for name in names if name and names.count(name) > 1), None)
    if doubled is not None:
        raise ValueError(f'the name "{doubled}" is used twice')
