"""The shape of what the Prometheus API answers, for the API document.

Source: Prometheus documentation, "HTTP API".
"""

from collections.abc import Mapping
from typing import Any, Generic, Literal, NotRequired, TypeVar

from typing_extensions import TypedDict

T = TypeVar("T")

LabelSet = Mapping[str, str]
Sample = tuple[float, str]
"""Unix seconds, and the value as text."""


class Success(TypedDict, Generic[T]):
    """An answer, with what the asker should know though it succeeded."""

    status: Literal["success"]
    data: T
    warnings: NotRequired[list[str]]
    infos: NotRequired[list[str]]


class PrometheusError(TypedDict):
    """An error; `errorType` is Prometheus's word for its kind."""

    status: Literal["error"]
    errorType: Literal[
        "bad_data",
        "unauthorized",
        "forbidden",
        "not_found",
        "execution",
        "unavailable",
        "canceled",
        "timeout",
        "internal",
    ]
    error: str


class _Timings(TypedDict):
    evalTotalTime: float
    execTotalTime: float


class _SampleCounts(TypedDict):
    totalQueryableSamples: int


class Statistics(TypedDict):
    """What a query cost, in seconds and samples."""

    timings: _Timings
    samples: _SampleCounts


class VectorSeries(TypedDict):
    """A series' value at one time."""

    metric: LabelSet
    value: Sample


class MatrixSeries(TypedDict):
    """A series' values."""

    metric: LabelSet
    values: list[Sample]


class VectorData(TypedDict):
    """An instant vector."""

    resultType: Literal["vector"]
    result: list[VectorSeries]
    stats: NotRequired[Statistics]


class MatrixData(TypedDict):
    """A range vector, or the result of a range query."""

    resultType: Literal["matrix"]
    result: list[MatrixSeries]
    stats: NotRequired[Statistics]


class ScalarData(TypedDict):
    """A number without labels, or a string."""

    resultType: Literal["scalar", "string"]
    result: Sample
    stats: NotRequired[Statistics]


InstantData = VectorData | MatrixData | ScalarData


class MetadataEntry(TypedDict):
    """What targets say of a metric."""

    type: str
    help: str
    unit: str


class TargetMetadata(TypedDict):
    """What one target says of one metric, which is left out where it was asked for."""

    target: LabelSet
    metric: NotRequired[str]
    type: str
    help: str
    unit: str


class ActiveTarget(TypedDict):
    """A target that is scraped."""

    discoveredLabels: LabelSet
    labels: LabelSet
    scrapePool: str
    scrapeUrl: str
    globalUrl: str
    lastError: str
    lastScrape: str
    lastScrapeDuration: float
    health: Literal["up", "down", "unknown"]
    scrapeInterval: str
    scrapeTimeout: str


class DroppedTargetData(TypedDict):
    """A target that relabelling dropped."""

    discoveredLabels: LabelSet
    scrapePool: str


class TargetsData(TypedDict):
    """Targets; what `state` leaves out is empty."""

    activeTargets: list[ActiveTarget]
    droppedTargets: list[DroppedTargetData]
    droppedTargetCounts: dict[str, int] | None


class PoolsData(TypedDict):
    """The names of all jobs."""

    scrapePools: list[str]


class AlertData(TypedDict):
    """An alert that is pending or firing."""

    labels: LabelSet
    annotations: LabelSet
    state: Literal["pending", "firing"]
    activeAt: str
    value: str


class AlertsData(TypedDict):
    """The alerts that are pending or firing."""

    alerts: list[AlertData]


class RuleData(TypedDict):
    """A rule; what only alerting rules have is left out of recording rules."""

    name: str
    query: str
    labels: LabelSet
    health: Literal["ok", "err", "unknown"]
    lastError: NotRequired[str]
    evaluationTime: float
    lastEvaluation: str
    type: Literal["alerting", "recording"]
    state: NotRequired[Literal["inactive", "pending", "firing"]]
    duration: NotRequired[float]
    keepFiringFor: NotRequired[float]
    annotations: NotRequired[LabelSet]
    alerts: NotRequired[list[AlertData]]


class RuleGroupData(TypedDict):
    """A group of rules."""

    name: str
    file: str
    interval: float
    limit: int
    rules: list[RuleData]
    evaluationTime: float
    lastEvaluation: str


class RulesData(TypedDict):
    """Groups of rules; the token asks for the page after this one."""

    groups: list[RuleGroupData]
    groupNextToken: NotRequired[str]


class BuildData(TypedDict):
    """Which API this is."""

    version: str
    revision: str
    branch: str
    buildUser: str
    buildDate: str
    goVersion: str


class ConfigurationData(TypedDict):
    """The configuration, as a Prometheus configuration."""

    yaml: str


class RuntimeData(TypedDict):
    """The process; what only Go has is told as Go's defaults."""

    startTime: str
    CWD: str
    hostname: str
    serverTime: str
    reloadConfigSuccess: bool
    lastConfigTime: str
    corruptionCount: int
    goroutineCount: int
    GOMAXPROCS: int
    GOMEMLIMIT: int
    GOGC: str
    GODEBUG: str
    storageRetention: str


class HeadData(TypedDict):
    """What is in memory."""

    numSeries: int
    numLabelPairs: int
    chunkCount: int
    minTime: int
    maxTime: int


class CountData(TypedDict):
    """How much of something there is."""

    name: str
    value: int


class StoreData(TypedDict):
    """What the active series are made of."""

    headStats: HeadData
    seriesCountByMetricName: list[CountData]
    labelValueCountByLabelName: list[CountData]
    memoryInBytesByLabelName: list[CountData]
    seriesCountByLabelValuePair: list[CountData]


class ReplayData(TypedDict):
    """How far the journal's replay is."""

    min: int
    max: int
    current: int
    state: Literal["done"]


SyntaxNode = Mapping[str, Any]
"""A node of a query's syntax tree: its `type`, and what nodes of that type have."""
