"""Query parameters and bodies of the API of sessions."""

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, SecretStr, model_validator

from analytics.sessions.traces.formats import TraceFormat
from model.base_models import DeferredModel
from storage.api.agent_sessions.reports import SessionOrder, UsageDimension
from web.http.parameters import DIGITS, Parameters

MOST_DAYS = 3_650
Days = Annotated[int, Field(ge=1, le=MOST_DAYS), DIGITS]
_Text = Annotated[str, Field(min_length=1, max_length=500)]


class SinceQuery(Parameters):
    """The last `since` days."""

    since: Days = 7


class SessionFilterQuery(Parameters):
    """A filter of sessions."""

    developer_id: _Text | None = None
    model: _Text | None = None
    team: _Text | None = None
    agent: _Text | None = None
    project: _Text | None = None
    search: _Text | None = None


class SessionListQuery(SessionFilterQuery):
    """One page of sessions, as prodlens names the parameters; without `since`, all."""

    since: Days | None = None
    page: Annotated[int, Field(ge=1, le=1_000_000), DIGITS] = 1
    page_size: Annotated[int, Field(ge=1, le=100), DIGITS] = 20
    sort_by: SessionOrder = SessionOrder.TIMESTAMP
    sort_order: Literal["asc", "desc"] = "desc"


class ProfileQuery(SinceQuery):
    """A developer; without one, all together."""

    since: Days = 30
    developer_id: _Text | None = None


class InsightsQuery(SinceQuery):
    """The range, and the longest lag; every lag up to it is tried."""

    lag_days: Annotated[int, Field(ge=0, le=7), DIGITS] = 1


class UsageQuery(SinceQuery):
    """The dimension that usage is grouped by."""

    by: UsageDimension = UsageDimension.MODEL


class IngestQuery(Parameters):
    """Where a trace comes from, as far as it does not say it itself."""

    format: TraceFormat | None = None
    name: _Text | None = None
    developer: _Text | None = None
    team: _Text | None = None
    project: _Text | None = None


class RepositoryQuery(Parameters):
    """`owner/name`, for objects that do not name their repository."""

    repository: Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+$", max_length=200)] | None = None


_Dollars = Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)]


class PriceForm(DeferredModel):
    """The price of a model in dollars for a million tokens."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: Annotated[str, Field(min_length=1, max_length=200)]
    effective_from: date
    above_tokens: int = Field(default=0, ge=0, le=100_000_000)
    input: _Dollars
    output: _Dollars
    cache_read: _Dollars
    cache_write_5m: _Dollars
    cache_write_1h: _Dollars
    source: Annotated[str, Field(max_length=500)] = ""


class PriceQuery(Parameters):
    """Names one price of an admin."""

    model: _Text
    effective_from: date
    above_tokens: Annotated[int, Field(ge=0, le=100_000_000), DIGITS] = 0


_Secret = Annotated[SecretStr, Field(min_length=8, max_length=4096)]


class GithubSecretsForm(DeferredModel):
    """Secrets that are shared with GitHub; an absent one stays as it is."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    token: _Secret | None = None
    webhook_secret: _Secret | None = None

    @model_validator(mode="after")
    def _has_one(self) -> Self:
        if self.token is None and self.webhook_secret is None:
            raise ValueError("token or webhook_secret is missing")
        return self


class GithubSecretQuery(Parameters):
    """The name of a secret."""

    name: Literal["token", "webhook_secret"]
