"""The types of the Prometheus API's responses, for the API document.

Source: Prometheus documentation, "HTTP API".
"""

from collections.abc import Mapping
from typing import Any, Generic, Literal, NotRequired, TypeVar

from typing_extensions import TypedDict

T = TypeVar("T")

LabelSet = Mapping[str, str]
Sample = tuple[float, str]
"""The time in Unix seconds, and the value as text."""


class Success(TypedDict, Generic[T]):
    """The envelope of a successful response, with warnings and infos."""

    status: Literal["success"]
    data: T
    warnings: NotRequired[list[str]]
    infos: NotRequired[list[str]]


class PrometheusError(TypedDict):
    """The envelope of an error; `errorType` is Prometheus's name for its kind."""

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
    resultSortTime: float
    queryPreparationTime: float
    innerEvalTime: float
    execQueueTime: float
    execTotalTime: float


class _SampleCounts(TypedDict):
    totalQueryableSamplesPerStep: NotRequired[list[tuple[float, int]]]
    totalQueryableSamples: int
    peakSamples: int


class QueryStats(TypedDict):
    """The cost of a query, in seconds and samples."""

    timings: _Timings
    samples: _SampleCounts


class VectorSeries(TypedDict):
    """The value of a series at one time."""

    metric: LabelSet
    value: Sample


class MatrixSeries(TypedDict):
    """The values of a series."""

    metric: LabelSet
    values: list[Sample]


class VectorData(TypedDict):
    """An instant vector."""

    resultType: Literal["vector"]
    result: list[VectorSeries]
    stats: NotRequired[QueryStats]


class MatrixData(TypedDict):
    """A range vector, or the result of a range query."""

    resultType: Literal["matrix"]
    result: list[MatrixSeries]
    stats: NotRequired[QueryStats]


class ScalarData(TypedDict):
    """A number without labels, or a string."""

    resultType: Literal["scalar", "string"]
    result: Sample
    stats: NotRequired[QueryStats]


InstantData = VectorData | MatrixData | ScalarData


class ExemplarEntry(TypedDict):
    """An exemplar; the timestamp is in Unix seconds."""

    labels: LabelSet
    value: str
    timestamp: float


class ExemplarData(TypedDict):
    """The exemplars of one series."""

    seriesLabels: LabelSet
    exemplars: list[ExemplarEntry]


class MetadataEntry(TypedDict):
    """The metadata of a metric."""

    type: str
    help: str
    unit: str


class TargetMetadata(TypedDict):
    """The metadata of a metric at one target; without the name if the client gave it."""

    target: LabelSet
    metric: NotRequired[str]
    type: str
    help: str
    unit: str


class ActiveTarget(TypedDict):
    """An active target."""

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
    """Active and dropped targets; lists excluded by `state` are empty."""

    activeTargets: list[ActiveTarget]
    droppedTargets: list[DroppedTargetData]
    droppedTargetCounts: dict[str, int] | None


class PoolsData(TypedDict):
    """The names of all jobs."""

    scrapePools: list[str]


class AlertData(TypedDict):
    """A pending or firing alert."""

    labels: LabelSet
    annotations: LabelSet
    state: Literal["pending", "firing"]
    activeAt: str
    value: str


class AlertsData(TypedDict):
    """All pending and firing alerts."""

    alerts: list[AlertData]


class RuleData(TypedDict):
    """A rule; recording rules lack the optional fields of alerting rules."""

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
    """Groups of rules, and the token of the next page."""

    groups: list[RuleGroupData]
    groupNextToken: NotRequired[str]


class BuildData(TypedDict):
    """The version of the API."""

    version: str
    revision: str
    branch: str
    buildUser: str
    buildDate: str
    goVersion: str


class ConfigurationData(TypedDict):
    """The running configuration in Prometheus's format."""

    yaml: str


class RuntimeData(TypedDict):
    """Facts about the process, with Go's defaults for those that only Go has."""

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
    """The series in memory."""

    numSeries: int
    numLabelPairs: int
    chunkCount: int
    minTime: int
    maxTime: int


class CountData(TypedDict):
    """A name and its count."""

    name: str
    value: int


class StoreData(TypedDict):
    """The cardinality of the active series."""

    headStats: HeadData
    seriesCountByMetricName: list[CountData]
    labelValueCountByLabelName: list[CountData]
    memoryInBytesByLabelName: list[CountData]
    seriesCountByLabelValuePair: list[CountData]


class ReplayData(TypedDict):
    """The progress of the journal's replay."""

    min: int
    max: int
    current: int
    state: Literal["done"]


class AlertmanagerData(TypedDict):
    """An Alertmanager that receives alerts."""

    url: str


class AlertmanagersData(TypedDict):
    """The Alertmanagers that receive alerts, and those that relabelling dropped."""

    activeAlertmanagers: list[AlertmanagerData]
    droppedAlertmanagers: list[AlertmanagerData]


class SnapshotData(TypedDict):
    """The name of a snapshot's directory, below `snapshots` in the data directory."""

    name: str


class NotificationData(TypedDict):
    """A message to the operator; `active` is false once it no longer applies."""

    text: str
    date: str
    active: bool


SyntaxNode = Mapping[str, Any]
"""A node of a query's syntax tree: its `type` and the fields of that type."""
