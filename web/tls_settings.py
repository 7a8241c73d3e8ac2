"""Section `web.tls` of the configuration: HTTPS by the server itself."""

from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from model.addresses import ListenAddress
from model.web_config.errors import WebConfigError
from model.web_config.settings import TlsServer

_OWN_KEYS = {"redirect_from", "hsts_max_age_s"}


class ServerTlsSettings(BaseModel):
    """The keys of `tls_server_config` in Prometheus's web configuration file, and two more.

    Attributes:
        redirect_from: address of plain HTTP whose requests are redirected to HTTPS.
        hsts_max_age_s: how long browsers use only HTTPS for this host name, on every port
            of it; 0 sends no such header.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    cert: str = ""
    cert_file: Path | None = None
    key: str = Field(default="", repr=False)
    key_file: Path | None = None
    client_auth_type: str = ""
    client_ca: str = ""
    client_ca_file: Path | None = None
    client_allowed_sans: tuple[str, ...] = ()
    min_version: str = "TLS12"
    max_version: str = "TLS13"
    cipher_suites: tuple[str, ...] = ()
    prefer_server_cipher_suites: bool = True
    curve_preferences: tuple[str, ...] = ()
    redirect_from: str | None = None
    hsts_max_age_s: int = Field(default=31_536_000, ge=0)

    @field_validator("redirect_from")
    @classmethod
    def _is_address(cls, value: str | None) -> str | None:
        if value is not None:
            ListenAddress.parse(value)
        return value

    @model_validator(mode="after")
    def _check(self) -> Self:
        try:
            self.server(Path())
        except WebConfigError as exc:
            raise ValueError(str(exc)) from exc
        return self

    def server(self, directory: Path) -> TlsServer:
        """Return the settings; file names are relative to `directory`.

        Raises:
            WebConfigError: a value is invalid.
        """
        # Imported here: most servers do not serve TLS themselves.
        from model.web_config.document import tls_of

        values = self.model_dump(mode="json", exclude=_OWN_KEYS, exclude_none=True)
        found = tls_of(values, directory)
        if found is None:
            raise WebConfigError("cert_file: is missing; name the certificate's file, or set cert")
        return found
