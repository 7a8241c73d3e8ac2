"""Section `sessions.github` of the configuration."""

from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator
from yarl import URL

_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
_Repository = Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+$", max_length=200)]


class GithubSettings(BaseModel):
    """The section that says what is pulled from GitHub.

    Attributes:
        repositories: `owner/name` of each; empty to pull nothing.
        token: a token that may read them. Without it and `token_file`, the store has it.
        token_file: a file with the token, read before each pass, in place of `token`.
        interval_s: seconds between two passes.
        history_days: how far back the first pass goes.
        api_url: the API; `https://HOST/api/v3` for GitHub Enterprise Server.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    repositories: tuple[_Repository, ...] = Field(default=(), max_length=1000)
    token: SecretStr | None = None
    token_file: Path | None = None
    interval_s: Annotated[int, Field(ge=60, le=86_400)] = 300
    history_days: Annotated[int, Field(ge=1, le=3_650)] = 90
    api_url: str = "https://api.github.com"

    @field_validator("api_url")
    @classmethod
    def _is_safe(cls, value: str) -> str:
        url = URL(value)
        if url.scheme not in ("http", "https") or not url.host or url.user or url.query_string:
            raise ValueError("must be an http or https URL without user and query")
        if url.scheme == "http" and url.host not in _LOOPBACK:
            raise ValueError("must be https, because the token is sent to it")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _has_one_token(self) -> Self:
        if self.token is not None and self.token_file is not None:
            raise ValueError("token and token_file cannot be combined: keep one of them")
        return self
