"""Request bodies about hosts, for the JSON API and the HTML forms alike."""

import re
from typing import Annotated, Any, Final

from pydantic import (
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)
from yarl import URL

from alerting.checks.host_check import HostCheck
from model.base_models import DeferredModel
from model.labels import METRIC_NAME, Labels
from storage.api.alerts import CheckOverride
from storage.api.hosts import IDENTITY, NewHost

EXPORTER_PORT: Final = 9100
SHORTEST_KEY: Final = 16
DEFAULT_OVERLAP_S: Final = 86_400
_LONGEST_OVERLAP_S: Final = 90 * 86_400
_LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)

# Printable ASCII, which every program can put into a header.
Key = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=SHORTEST_KEY, max_length=256, pattern=r"^[!-~]*$"
    ),
]

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]


def exposition_url(text: str) -> str:
    """Return the URL of a host's metrics, with defaults for the missing parts.

    `10.0.0.5`, `db-1:9101` and `https://db-1/metrics` are all accepted.

    Raises:
        ValueError: the text contains no host, or the scheme is not http or https.
    """
    text = text.strip()
    if not text or any(character.isspace() or not character.isprintable() for character in text):
        raise ValueError("must be an address such as 10.0.0.5 or http://10.0.0.5:9100/metrics")
    given_scheme = "://" in text
    try:
        url = URL(text if given_scheme else f"http://{text}")
        port = url.explicit_port
    except ValueError:
        raise ValueError("is not a URL") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise ValueError("must be an http or https URL")
    if url.user is not None or url.password is not None:
        raise ValueError("must not contain a user or a password")
    if not given_scheme and port is None:
        url = url.with_port(EXPORTER_PORT)
    if url.path == "/":
        url = url.with_path("/metrics")
    return str(url.with_fragment(None))


def _require_label_name(name: str) -> None:
    if not _LABEL_NAME.fullmatch(name) or name == METRIC_NAME:
        raise ValueError(f"{name!r} is no label name")


class HostForm(DeferredModel):
    """A host to register.

    Attributes:
        push: whether the host pushes reports, and so has no URL.
        key: the key of a host that pushes, if its agent has one already.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    push: bool = False
    url: Annotated[str, StringConstraints(max_length=2000)] = Field(
        default="", validate_default=True
    )
    key: Key | None = None
    labels: dict[str, Annotated[str, StringConstraints(max_length=1000)]] = Field(
        default_factory=dict,
        max_length=50,
        json_schema_extra={"propertyNames": {"pattern": f"^{_LABEL_NAME.pattern}$"}},
    )
    interval_s: float | None = Field(default=None, ge=1, le=3600)
    timeout_s: float | None = Field(default=None, ge=0.1, le=3600)

    @field_validator("name")
    @classmethod
    def _printable(cls, value: str) -> str:
        if not value.isprintable():
            raise ValueError("must not contain control characters")
        return value

    @field_validator("url")
    @classmethod
    def _complete(cls, value: str, info: ValidationInfo) -> str:
        if info.data.get("push"):
            if value.strip():
                raise ValueError("must be left out for a host that pushes")
            return ""
        return exposition_url(value)

    @field_validator("key")
    @classmethod
    def _for_a_pushing_host(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and not info.data.get("push"):
            raise ValueError("is for a host that pushes")
        return value

    @field_validator("labels")
    @classmethod
    def _label_names(cls, value: dict[str, str]) -> dict[str, str]:
        for name in value:
            _require_label_name(name)
        return value

    @model_validator(mode="after")
    def _timeout_fits(self) -> "HostForm":
        if self.interval_s and self.timeout_s and self.timeout_s > self.interval_s:
            raise ValueError("timeout_s must not be longer than interval_s")
        return self

    def host(self) -> NewHost:
        """Return the host for the records."""
        return NewHost(self.name, self.url, Labels.of(self.labels), self.interval_s, self.timeout_s)


class TagsForm(DeferredModel):
    """All tags of a host; a tag that is left out is removed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tags: dict[str, Annotated[str, StringConstraints(max_length=1000)]] = Field(
        max_length=50,
        json_schema_extra={"propertyNames": {"pattern": f"^{_LABEL_NAME.pattern}$"}},
    )

    @field_validator("tags")
    @classmethod
    def _tag_names(cls, value: dict[str, str]) -> dict[str, str]:
        for name in value:
            _require_label_name(name)
            if name in IDENTITY:
                raise ValueError(f"{name!r} identifies the host's series and cannot be changed")
        return value


class CheckForm(DeferredModel):
    """A host's own settings for one check; a missing threshold keeps the default."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: bool = True
    warning: float | None = Field(default=None, ge=0, le=1e9, allow_inf_nan=False)
    critical: float | None = Field(default=None, ge=0, le=1e9, allow_inf_nan=False)
    recovery: float | None = Field(default=None, ge=0, le=1e9, allow_inf_nan=False)
    for_s: float | None = Field(default=None, ge=0, le=86_400, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _empty_is_default(cls, data: Any) -> Any:
        # An empty field in an HTML form means the default.
        if isinstance(data, dict):
            return {name: None if value == "" else value for name, value in data.items()}
        return data

    def with_recovery_kept(self, applied: HostCheck) -> "CheckForm":
        """Return the form as its reader means it, who sees all thresholds but changes one.

        A recovery that stays as shown keeps its distance from a threshold that changes.
        """
        shown = (applied.warning, applied.critical)
        if self.recovery != applied.recovery or (self.warning, self.critical) == shown:
            return self
        return self.model_copy(update={"recovery": None})

    def override(self, instance: str, check: str) -> CheckOverride:
        """Return the settings for the records."""
        return CheckOverride(
            instance, check, self.enabled, self.warning, self.critical, self.recovery, self.for_s
        )


class HostKeyRotationForm(DeferredModel):
    """Another key for a host.

    Attributes:
        key: the key that the agent has already; None generates one.
        overlap_s: how long the old key stays valid.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: Key | None = None
    overlap_s: int = Field(default=DEFAULT_OVERLAP_S, ge=0, le=_LONGEST_OVERLAP_S)
