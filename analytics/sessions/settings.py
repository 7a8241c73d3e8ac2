"""Section `sessions` of the configuration."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from analytics.sessions.outcomes.settings import GithubSettings

_Name = Annotated[str, Field(min_length=1, max_length=200)]


class SessionSettings(BaseModel):
    """Sessions of coding agents.

    Attributes:
        content: whether prompts and what tools were given are stored.
        hash_emails: whether a developer's e-mail address is replaced by a pseudonym.
        retention_days: how long sessions are kept; None for ever.
        approved_models: the models that the team has agreed on; empty without an agreement.
        github_webhook_secret: what signs GitHub's webhooks; None refuses them.
        github: what is pulled from GitHub.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    content: bool = False
    hash_emails: bool = False
    retention_days: Annotated[int, Field(ge=1, le=36_500)] | None = None
    approved_models: tuple[_Name, ...] = ()
    github_webhook_secret: SecretStr | None = None
    github: GithubSettings = Field(default_factory=GithubSettings)
