"""Bodies and answers of PostHog's capture API."""

from typing import Any

from pydantic import ConfigDict
from typing_extensions import TypedDict

from model.base_models import DeferredModel


class CaptureForm(DeferredModel):
    """An event with the project's key, or a batch of events."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    api_key: str = ""
    event: str | None = None
    distinct_id: str | int | None = None
    properties: dict[str, Any] | None = None
    timestamp: str | int | float | None = None
    uuid: str | None = None
    batch: list[dict[str, Any]] | None = None
    sent_at: str | int | float | None = None


class FlagsDocument(TypedDict):
    """The feature flags of a person: none."""

    flags: dict[str, Any]
    featureFlags: dict[str, Any]
    featureFlagPayloads: dict[str, Any]
    errorsWhileComputingFlags: bool


class RemoteConfigDocument(TypedDict):
    """The features that posthog-js may use."""

    token: str
    supportedCompression: list[str]
    hasFeatureFlags: bool
    sessionRecording: bool
    surveys: bool
    heatmaps: bool
    captureDeadClicks: bool
    capturePerformance: bool
    autocaptureExceptions: bool
    autocapture_opt_out: bool
    elementsChainAsString: bool
    siteApps: list[str]


class DecideDocument(RemoteConfigDocument, FlagsDocument):
    """Feature flags and features together."""

    config: dict[str, bool]
    toolbarParams: dict[str, Any]
    isAuthenticated: bool


def flags_document() -> FlagsDocument:
    """Return that there are no feature flags."""
    return FlagsDocument(
        flags={}, featureFlags={}, featureFlagPayloads={}, errorsWhileComputingFlags=False
    )


def remote_config_document(key: str) -> RemoteConfigDocument:
    """Return that only events are taken, clicks and page views among them."""
    return RemoteConfigDocument(
        token=key,
        supportedCompression=["gzip", "gzip-js", "base64"],
        hasFeatureFlags=False,
        sessionRecording=False,
        surveys=False,
        heatmaps=False,
        captureDeadClicks=False,
        capturePerformance=False,
        autocaptureExceptions=False,
        autocapture_opt_out=False,
        elementsChainAsString=True,
        siteApps=[],
    )


def decide_document() -> DecideDocument:
    """Return the answer of `/decide`."""
    return DecideDocument(
        **remote_config_document(""),
        **flags_document(),
        config={"enable_collect_everything": True},
        toolbarParams={},
        isAuthenticated=False,
    )
