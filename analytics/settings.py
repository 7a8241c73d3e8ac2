"""Section `analytics` of the configuration."""

from pydantic import BaseModel, ConfigDict, Field


class AnalyticsSettings(BaseModel):
    """Product analytics.

    Attributes:
        open_api: whether anybody may create projects and read reports under `/v1/`, as in
            apptracker; else that needs a login.
        batch_events: the most events of one batch.
        series: whether counts and latencies of projects are written as series, which every
            user of this server sees; never if anybody may register (`web.registration`).
        event_names: the most event names of a project.
        event_properties: the most properties of an event.
        events_per_second: the most events and tracked requests a second of each project, over
            ten seconds; 0 for no limit. A project may have a lower one of its own.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    open_api: bool = False
    batch_events: int = Field(default=10_000, ge=1, le=1_000_000)
    series: bool = True
    event_names: int = Field(default=2_000, ge=1, le=1_000_000)
    event_properties: int = Field(default=250, ge=1, le=10_000)
    events_per_second: int = Field(default=0, ge=0, le=10_000_000)
