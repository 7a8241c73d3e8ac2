"""The server's settings: those of each package, composed into one document.

Sources, in order of precedence: flags, `REDSHANK_…` variables (with double underscores
between sections: `REDSHANK_SCRAPE__INTERVAL=30s`), `redshank.yml`, defaults.
"""

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from alerting.settings import AlertingSettings
from analytics.sessions.settings import SessionSettings
from analytics.settings import AnalyticsSettings
from ingest.settings import IngestSettings
from model.addresses import ListenAddress
from model.documents import Document, DocumentError, document_error, parse_document
from model.probing.definitions import ProbeDefinition
from model.process.regular_files import read_regular_text
from model.quantities import Bytes, DurationMs
from promql.settings import QuerySettings
from scraper.configuration.settings import ScrapeSettings
from storage.events.settings import EventStoreSettings
from storage.samples.settings import StoreSettings
from web.settings import WebSettings

DEFAULT_FILES = (Path("redshank.yml"), Path("/etc/redshank/redshank.yml"))


class ServerSettings(BaseModel):
    """Section `server`: the address to listen on, and the memory to stay within.

    Attributes:
        memory_limit: None for the limit of the control group; 0 for no limit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    listen: str = "127.0.0.1:9190"
    scrape_self: bool = True
    memory_limit: Bytes | None = None

    @field_validator("listen")
    @classmethod
    def _is_address(cls, value: str) -> str:
        ListenAddress.parse(value)
        return value


class LogSettings(BaseModel):
    """Section `log`: level and format of log lines."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "console", "json"] = "auto"


class BackupSettings(BaseModel):
    """Section `backups`: the backups that the server makes itself.

    Attributes:
        directory: where they are; None for `backups` in the data directory.
        every_ms: `every`, how often one is made; 0 for only on request.
        keep: how many are kept.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True)

    directory: Path | None = None
    every_ms: DurationMs = Field(default=0, alias="every")
    keep: int = Field(default=7, ge=1, le=1000)

    @field_validator("every_ms")
    @classmethod
    def _is_seldom(cls, every_ms: int) -> int:
        if 0 < every_ms < 600_000:
            raise ValueError("must be 10m or more, or 0 for none")
        return every_ms


class Settings(BaseSettings):
    """All settings; every key is optional."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix="REDSHANK_", env_nested_delimiter="__"
    )

    server: ServerSettings = Field(default_factory=ServerSettings)
    log: LogSettings = Field(default_factory=LogSettings)
    storage: StoreSettings = Field(default_factory=StoreSettings)
    scrape: ScrapeSettings = Field(default_factory=ScrapeSettings)
    ingest: IngestSettings = Field(default_factory=IngestSettings)
    alerting: AlertingSettings = Field(default_factory=AlertingSettings)
    analytics: AnalyticsSettings = Field(default_factory=AnalyticsSettings)
    events: EventStoreSettings = Field(default_factory=EventStoreSettings)
    sessions: SessionSettings = Field(default_factory=SessionSettings)
    query: QuerySettings = Field(default_factory=QuerySettings)
    web: WebSettings = Field(default_factory=WebSettings)
    backups: BackupSettings = Field(default_factory=BackupSettings)
    probes: tuple[ProbeDefinition, ...] = ()

    @field_validator("probes")
    @classmethod
    def _check_probes(cls, probes: tuple[ProbeDefinition, ...]) -> tuple[ProbeDefinition, ...]:
        names = [probe.name for probe in probes]
        if repeated := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(f'probe "{repeated}" is defined twice')
        return probes

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Give variables precedence over the document, which is passed as keywords."""
        return env_settings, init_settings


def settings_file(path: Path | None = None) -> Path | None:
    """Return the given file, or the first default file that exists."""
    return path or next((file for file in DEFAULT_FILES if file.exists()), None)


def load_settings(path: Path | None = None) -> Settings:
    """Return the settings of a file, or of the first default file that exists.

    Raises:
        DocumentError: the file cannot be read, or it or a variable is invalid; the
            message names each place.
    """
    found = settings_file(path)
    if found is None:
        return settings_of(Document("environment", {}, {}))
    try:
        text = read_regular_text(found)
    except (OSError, UnicodeDecodeError) as exc:
        raise DocumentError(str(found), [(0, str(exc))]) from exc
    return settings_of(parse_document(text, str(found)))


def settings_of(document: Document) -> Settings:
    """Return the settings of a document and the environment.

    Raises:
        DocumentError: the document or a variable is invalid; the message names each place.
    """
    if not isinstance(document.data, dict):
        raise DocumentError(document.name, [(1, "the configuration must be a mapping")])
    keys = {str(key): value for key, value in document.data.items()}
    try:
        return Settings(**keys)
    except ValidationError as exc:
        error = document_error(document, exc)
        from_environment = [_variable(details["loc"]) for details in exc.errors()]
        raise DocumentError(
            document.name,
            [
                (0, f"{message} (from {variable})") if variable else (line, message)
                for (line, message), variable in zip(error.problems, from_environment, strict=True)
            ],
        ) from exc


def _variable(place: tuple[str | int, ...]) -> str | None:
    """Return the environment variable that set the value at a path of keys, None if none did."""
    value: Any = EnvSettingsSource(Settings)()
    for part in place:
        if not isinstance(value, dict) or part not in value:
            return None
        value = value[part]
    return "REDSHANK_" + "__".join(str(part).upper() for part in place)
